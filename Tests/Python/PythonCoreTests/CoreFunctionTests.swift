import CPythonCore
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import TestSupport
import Testing

@testable import PythonCore

/// A policy that LeRobot has computed a batch of, with its parameters as a Python process would own them.
private struct SharedCase {
  static let folder = Checkout.tests("Policies/WorldModalityTests/PolicyGoldens/one_future")
  let expected: StateDictionary
  let parameters: StateDictionary
  let batch: StateDictionary

  init() throws {
    let expected = try Tensor.load(Self.folder.appendingPathComponent("cases/one_future.safetensors"))
    self.expected = expected
    // Copies, because the file's pages must not change.
    parameters = try Tensor.load(Self.folder.appendingPathComponent("model.safetensors")).mapValues { tensor in
      let parameter = try tensor.to(.float32).clone()
      try parameter.setRequiresGrad(true)
      return parameter
    }
    var batch: StateDictionary = [:]
    for (name, tensor) in expected where name.hasPrefix("in/") { batch[String(name.dropFirst(3))] = tensor }
    self.batch = batch
  }

  /// The number of a policy of these parameters.
  func policy(_ parameters: StateDictionary? = nil) throws -> Int {
    var settings = try JSON(contentsOf: Self.folder.appendingPathComponent("config.json")).object ?? [:]
    settings["lerobot_version"] = "0.4"  // which computed the case
    let request: JSON = [
      "settings": .object(settings), "folder": .string(Self.folder.path), "device": "cpu", "seed": 0,
      "reference_order": true,
    ]
    let answer = try CoreFunction.policy(CoreRequest(json: request, tensors: parameters ?? self.parameters))
    return try #require(answer.json["object"]?.integer)
  }

  func loss(of policy: Int) throws -> Tensor {
    let request: JSON = ["object": .integer(policy), "seed": 0]
    return try #require(CoreFunction.loss(CoreRequest(json: request, tensors: batch)).tensors["total"])
  }
}

@Suite struct CoreFunctionTests {
  @Test func `a policy of shared parameters has LeRobot's loss and leaves LeRobot's gradients at them`() throws {
    let shared = try SharedCase()
    let policy = try shared.policy()
    defer { CoreObject.release(policy) }
    let total = try shared.loss(of: policy)
    #expect(abs(try total.item() - (try #require(shared.expected["out/loss_total"]).item())) < 1e-6)
    try total.backward()
    let wanted = shared.expected.filter { $0.key.hasPrefix("g/") }
    #expect(wanted.count > 40)
    for (name, gradient) in wanted {
      let found = try #require(shared.parameters[String(name.dropFirst(2))]?.gradient, "\(name) has none")
      #expect(try (found - gradient).norm().item() < 1e-5 * max(gradient.norm().item(), 1e-2), "\(name)")
    }
  }

  @Test func `its actions are LeRobot's`() throws {
    let shared = try SharedCase()
    let policy = try shared.policy()
    defer { CoreObject.release(policy) }
    let actions = try CoreFunction.actions(
      CoreRequest(json: ["object": .integer(policy), "seed": 0], tensors: shared.batch)
    ).tensors["action"]
    #expect(try (#require(actions) - #require(shared.expected["out/actions"])).maxAbs() < 1e-5)
  }

  @Test func `a parameter that is changed in place changes the policy`() throws {
    let shared = try SharedCase()
    let policy = try shared.policy()
    defer { CoreObject.release(policy) }
    let before = try shared.loss(of: policy).item()
    let parameter = try #require(shared.parameters["model.action_out_proj.bias"])
    try withoutGradients { try parameter.copy(from: parameter + 1) }
    #expect(try abs(shared.loss(of: policy).item() - before) > 1e-3)
  }

  @Test func `without parameters a policy makes all that its checkpoint has`() throws {
    let shared = try SharedCase()
    let request: JSON = [
      "settings": try JSON(contentsOf: SharedCase.folder.appendingPathComponent("config.json")),
      "folder": .string(SharedCase.folder.path), "device": "cpu", "seed": 3,
    ]
    let answer = try CoreFunction.policy(CoreRequest(json: request))
    defer { CoreObject.release(answer.json["object"]?.integer ?? 0) }
    #expect(Set(answer.tensors.keys) == Set(shared.parameters.keys))
    #expect(answer.tensors.allSatisfy { shared.parameters[$0.key]?.shape == $0.value.shape })
    let trained = answer.tensors.filter(\.value.requiresGrad).keys
    #expect(trained.contains("model.action_out_proj.bias") && trained.contains { $0.hasPrefix("prophet.") })
    #expect(!trained.contains { $0.contains(".vision_model.") })
  }

  @Test func `a policy follows the version of LeRobot that its checkpoint was trained to follow`() throws {
    let files = FileManager.default
    let folder = files.temporaryDirectory.appendingPathComponent("wm-python-core-\(UUID().uuidString)")
    try files.copyItem(at: SharedCase.folder, to: folder)
    defer { try? files.removeItem(at: folder) }
    func version(_ changes: OrderedDictionary<String, JSON> = [:]) throws -> JSON? {
      let settings = try JSON(contentsOf: folder.appendingPathComponent("config.json")).object ?? [:]
      let request: JSON = [
        "settings": .object(settings.merging(changes) { $1 }), "folder": .string(folder.path), "device": "cpu",
        "seed": 0,
      ]
      let answer = try CoreFunction.policy(CoreRequest(json: request))
      CoreObject.release(answer.json["object"]?.integer ?? 0)
      return answer.json["lerobot_version"]
    }
    #expect(try version() == "0.6")
    // What this program left before it could follow 0.6 says nothing of it.
    try JSON.object([:]).write(to: folder.appendingPathComponent("lerobot_wm.json"))
    #expect(try version() == "0.4")
    #expect(try version(["lerobot_version": "0.6"]) == "0.6")
  }

  @Test func `the samples of an epoch's steps are all samples once`() throws {
    let positions = try (0..<3).flatMap { step in
      let request: JSON = ["count": 6, "batch_size": 2, "seed": 3, "step": .integer(step)]
      return try CoreFunction.samples(CoreRequest(json: request)).json["positions"]?.array?.compactMap(\.integer) ?? []
    }
    #expect(positions.sorted() == Array(0..<6) && positions != Array(0..<6))
  }

  @Test func `parameters that are missing, unknown or misshapen are listed`() throws {
    let shared = try SharedCase()
    var parameters = shared.parameters
    parameters["model.state_proj.bias"] = nil
    parameters["model.stranger"] = try Tensor.zeros([1])
    parameters["model.action_out_proj.bias"] = try Tensor.zeros([1])
    parameters["model.action_in_proj.bias"] = try parameters["model.action_in_proj.bias"]?.to(.float64)
    let error = #expect(throws: (any Error).self) { try shared.policy(parameters) }
    let sentence = error.map { "\($0)" } ?? ""
    #expect(sentence.contains("1 missing: model.state_proj.bias"))
    #expect(sentence.contains("1 unexpected: model.stranger"))
    #expect(sentence.contains("2 of another shape or type: "))
    #expect(sentence.contains("model.action_in_proj.bias: the model takes float32"))
  }

  @Test func `an object of another kind and a request without its members are refused`() throws {
    let shared = try SharedCase()
    let policy = try shared.policy()
    defer { CoreObject.release(policy) }
    for (function, request): (CoreFunction, JSON) in [
      (.encode, ["object": .integer(policy)]), (.loss, ["object": 0, "seed": 0]), (.loss, [:]), (.policy, [:]),
      (.loss, ["object": .integer(policy)]), (.load, [:]), (.encoder, ["source": "vjepa3"]),
      (.environments, ["suite": "libero_moon", "task": 0, "count": 1]),
    ] {
      #expect(throws: (any Error).self, "\(function)") { try function(CoreRequest(json: request)) }
    }
  }

  @Test func `an object is gone with its last release`() throws {
    final class Probe: CoreObject {}
    weak var gone: Probe?
    var number = 0
    do {
      let probe = Probe()
      (gone, number) = (probe, probe.retained())
    }
    #expect(gone != nil)
    CoreObject.release(number)
    #expect(gone == nil)
  }
}

@Suite struct InterfaceTests {
  /// What `lerobot_wm_call` hands over for a request without tensors.
  private func call(_ function: String, _ request: String) -> (answer: String, count: Int32) {
    var taken = (answer: "", count: Int32.min)
    withUnsafeMutablePointer(to: &taken) { taken in
      callFunction(
        function, request, nil, nil, 0,
        { taker, answer, _, count in
          guard let taker, let answer else { return }
          taker.assumingMemoryBound(to: (answer: String, count: Int32).self).pointee = (String(cString: answer), count)
        }, taken)
    }
    return taken
  }

  @Test func `a failure is handed over as its sentence`() {
    #expect(call("fly", "{}") == ("the core has no function fly", -1))
    #expect(call("loss", "{}") == ("the request has no integer `object`", -1))
    #expect(call("loss", "{").count == -1)
  }
}
