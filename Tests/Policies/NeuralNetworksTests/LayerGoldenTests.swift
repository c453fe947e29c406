import Failures
import Foundation
import LibTorch
import ModelFiles
import Testing

@testable import NeuralNetworks

/// Against torch.nn's own modules; see oracle/goldens/neural_networks.py.
struct LayerGoldenTests {
  private let golden: StateDictionary

  init() throws {
    let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Goldens")
    golden = try Tensor.load(folder.appendingPathComponent("layers.safetensors"))
  }

  @Test func `attention between two sequences, and its weights`() throws {
    let module = try module("cross_attention") { try MultiHeadAttention($0, width: 12, heads: 3) }
    let (queries, memory) = (try input("cross_attention/in/queries"), try input("cross_attention/in/memory"))
    try check("cross_attention", module, ["queries": queries, "memory": memory]) { try $0(queries, memory) }
    let (output, weights) = try module.part.withWeights(queries, memory)
    #expect(try distance(output, "cross_attention/out") < 1e-6)
    #expect(try distance(weights, "cross_attention/weights") < 1e-6)
  }

  @Test func `attention within one sequence`() throws {
    let module = try module("self_attention") { try MultiHeadAttention($0, width: 12, heads: 4) }
    let sequence = try input("self_attention/in/input")
    try check("self_attention", module, ["input": sequence]) { try $0(sequence, sequence) }
  }

  @Test func `transformer encoder layer, normalized first`() throws {
    let module = try module("encoder_layer") {
      try TransformerEncoderLayer($0, width: 8, heads: 2, feedForward: 32)
    }
    let sequence = try input("encoder_layer/in/input")
    try check("encoder_layer", module, ["input": sequence]) { try $0(sequence) }
  }

  @Test func `layer normalization`() throws {
    let module = try module("layer_norm") { try LayerNorm($0, width: 10, epsilon: 1e-6) }
    let vectors = try input("layer_norm/in/input")
    try check("layer_norm", module, ["input": vectors]) { try $0(vectors) }
  }

  @Test func `normalization by the root mean square`() throws {
    let module = try module("rms_norm") { try RMSNorm($0, width: 10, epsilon: 1e-5) }
    let vectors = try input("rms_norm/in/input")
    try check("rms_norm", module, ["input": vectors]) { try $0(vectors) }
  }

  @Test func `patches of images and of clips`() throws {
    let patches = try module("patches") { try PatchEmbedding2D($0, channels: 3, width: 6, patchSize: 4) }
    let images = try input("patches/in/images")
    try check("patches", patches, ["images": images]) { try $0(images) }
    let tubelets = try module("tubelets") {
      try PatchEmbedding3D($0, channels: 3, width: 4, tubeletSize: 2, patchSize: 4)
    }
    let clips = try input("tubelets/in/clips")
    try check("tubelets", tubelets, ["clips": clips]) { try $0(clips) }
  }

  @Test func `embedding`() throws {
    let module = try module("embedding") { try Embedding($0, rows: 7, width: 4) }
    let indices = try #require(golden["embedding/in/indices"])
    try check("embedding", module, [:]) { try $0(indices) }
  }

  @Test func `heads that do not divide the width are refused`() throws {
    let store = ParameterStore(seed: 0, device: .cpu)
    #expect(throws: Failure.self) { try MultiHeadAttention(store.root, width: 12, heads: 5) }
    #expect(throws: Failure.self) { try MultiHeadAttention(store.root, width: 12, heads: 0) }
  }

  // MARK: Helpers

  private struct Module<Part> {
    let part: Part
    let store: ParameterStore
  }

  /// A module made of the golden's weights, all of them and no others.
  private func module<Part>(_ name: String, _ build: (ParameterScope) throws -> Part) throws -> Module<Part> {
    var weights: StateDictionary = [:]
    for (key, tensor) in golden where key.hasPrefix("\(name)/w/") {
      weights[String(key.dropFirst(name.count + 3))] = tensor
    }
    let store = ParameterStore(loading: weights, seed: 0, device: .cpu)
    let part = try build(store.root)
    #expect(store.missing.isEmpty && store.misshapen.isEmpty && store.unexpected.isEmpty)
    try store.setTrainable { _ in true }
    return Module(part: part, store: store)
  }

  private func input(_ name: String) throws -> Tensor {
    let tensor = try #require(golden[name]).clone()
    try tensor.setRequiresGrad(true)
    return tensor
  }

  private func distance(_ tensor: Tensor, _ name: String) throws -> Double {
    try (tensor.detached() - #require(golden[name])).maxAbs()
  }

  /// Compares the output, and the gradients of its mean square.
  private func check<Part>(
    _ name: String, _ module: Module<Part>, _ inputs: [String: Tensor], _ run: (Part) throws -> Tensor
  ) throws {
    let output = try run(module.part)
    #expect(try distance(output, "\(name)/out") < 1e-6)
    try output.square().mean().backward()
    for parameter in module.store.parameters {
      let gradient = try #require(parameter.tensor.gradient, "\(parameter.name) has no gradient")
      #expect(try distance(gradient, "\(name)/g/\(parameter.name)") < 1e-6, "\(parameter.name)")
    }
    for (key, tensor) in inputs {
      #expect(try distance(#require(tensor.gradient), "\(name)/g/in/\(key)") < 1e-6, "\(key)")
    }
  }
}
