import CounterBasedRandom
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import RobotPolicies
import Testing
import TestSupport

@testable import SmolVLA

/// LeRobot's own numbers for a random tiny SmolVLA (297k parameters), which lie beside a development checkout.
@Suite(.enabled(if: SharedData.directory != nil, "needs ../shared/golden"))
struct LeRobotGoldenTests {
  let golden: StateDictionary
  let policy: SmolVLAPolicy
  var batch = Batch()

  init() throws {
    let shared = try #require(SharedData.directory).appendingPathComponent("golden")
    golden = try Tensor.load(shared.appendingPathComponent("smolvla_tiny.safetensors"))
    let folder = shared.appendingPathComponent("smolvla_tiny")
    let backboneFile = folder.appendingPathComponent("smolvlm2-tiny/config.json")
    let backbone = try BackboneConfiguration(JSON(contentsOf: backboneFile), in: backboneFile.path)
    let json = try JSON(contentsOf: folder.appendingPathComponent("config.json"))
    var configuration = SmolVLAConfiguration()
    configuration.inputFeatures = try PolicyFeatures(json["input_features"], in: "config.json")
    configuration.outputFeatures = try PolicyFeatures(json["output_features"], in: "config.json")
    configuration.chunkSize = 10
    configuration.actionSteps = 10
    configuration.imageSize = [64, 64]
    configuration.vlmLayers = 4
    configuration.actionLoss = .padded
    // One step of AdamW turns the rounding error of a gradient near zero into a change of the weight: a single number of
    // this golden moves by 2e-6 with another order of sums, and LeRobot's own by 3e-7 with another number of threads.
    configuration.usesReferenceOrder = true
    let store = ParameterStore(
      loading: try Tensor.load(folder.appendingPathComponent("model.safetensors")), seed: 0, device: .cpu)
    policy = try SmolVLAPolicy(configuration, backbone: backbone, imageTokens: nil, parameters: store)
    #expect(store.missing.isEmpty && store.misshapen.isEmpty && store.unexpected.isEmpty)
    for (name, tensor) in golden where name.hasPrefix("in/") { batch[String(name.dropFirst(3))] = tensor }
  }

  func deviation(_ found: Tensor, _ name: String) throws -> Double {
    let expected = try #require(golden[name])
    #expect(found.shape == expected.shape)
    return try (found - expected).norm().item() / max(expected.norm().item(), 1e-12)
  }

  @Test func `embeddings of images, prefix and suffix`() throws {
    try withoutGradients {
      let images = try ImagePreparation.images(of: batch, policy.configuration)
      #expect(try deviation(images[0].pixels, "mid/img0_resized") < 1e-6)
      #expect(try deviation(policy.model.vision(images[0].pixels), "mid/vision0") < 1e-6)
      let prefix = try policy.prefix(of: batch)
      #expect(
        try deviation(Tensor.concatenation([prefix.context, prefix.state], dimension: 1), "mid/prefix_embs") < 1e-6)
      #expect(try prefix.visible().isIdentical(to: #require(golden["mid/prefix_pad"])))
      let time = try batch.require("time")
      let actions = try batch.require("action").padded([0, 25])
      let noisy = try time.reshaped([-1, 1, 1]) * batch.require("noise") + (1 - time.reshaped([-1, 1, 1])) * actions
      #expect(try deviation(policy.model.embedSuffix(noisy, time: time), "mid/suffix_embs") < 1e-6)
    }
  }

  @Test func `loss, gradients and one AdamW step`() throws {
    let loss = try policy.loss(of: batch, random: CountedRandom(seed: 0, "unused")).total
    #expect(abs(try loss.item() / #require(golden["out/loss"]).item() - 1) < 1e-6)
    try loss.backward()
    for (_, parameter) in policy.parameters.trainable {
      let gradient = try #require(parameter.tensor.gradient, "\(parameter.name)")
      #expect(try deviation(gradient, "g/" + parameter.name) < 1e-5, "\(parameter.name)")
    }
    #expect(policy.parameters.trainable.count == golden.keys.count { $0.hasPrefix("g/") })
    let norm = try policy.parameters.clipGradients(toNorm: 10)
    #expect(abs(try norm.item() / #require(golden["out/gradnorm"]).item() - 1) < 1e-5)
    try AdamW(policy.parameters, settings: SmolVLAConfiguration().optimizer).step(learningRate: 1e-3)
    for (_, parameter) in policy.parameters.trainable {
      #expect(try deviation(parameter.tensor.detached(), "w1/" + parameter.name) < 1e-6, "\(parameter.name)")
    }
  }

  @Test func `sampled actions`() throws {
    let random = (0..<3).map { CountedRandom(seed: 0, "unused").at($0) }
    let actions = try policy.actionChunk(for: batch, random: random)
    #expect(try deviation(actions, "out/actions") < 1e-5)
  }
}
