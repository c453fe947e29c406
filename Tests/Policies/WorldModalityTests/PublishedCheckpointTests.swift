@testable import PretrainedPolicies
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import Testing

@testable import SmolVLA
@testable import WorldModality

struct PublishedCheckpointTests {
  private let base = CheckpointCase.goldens.appendingPathComponent("smolvla_base")

  private func deviation(_ found: Tensor, _ expected: Tensor) throws -> Double {
    #expect(found.shape == expected.shape)
    let pairs = try zip(found.scalars(Float.self), expected.scalars(Float.self))
    return pairs.map { Double(abs($0 - $1)) }.max() ?? .nan
  }

  /// What a dataset of LIBERO's features offers.
  private func libero() throws -> TrainingFeatures {
    var statistics: StateDictionary = [:]
    for (name, size) in [(BatchKey.state, 8), (BatchKey.action, 7)] {
      statistics["\(name).mean"] = try Tensor.full([size], 0.5)
      statistics["\(name).std"] = try Tensor.full([size], 2)
    }
    return TrainingFeatures(
      inputs: [
        "observation.images.image": PolicyFeature(.visual, [3, 16, 16]),
        "observation.images.image2": PolicyFeature(.visual, [3, 16, 16]), BatchKey.state: PolicyFeature(.state, [8]),
      ], outputs: [BatchKey.action: PolicyFeature(.action, [7])], statistics: statistics)
  }

  @Test(arguments: CheckpointCase.all) func `plans what LeRobot plans, processors included`(_ golden: CheckpointCase)
    throws
  {
    var builder = try CheckpointCase.builder(golden.folder)
    let pretrained = try builder.pretrained(golden.folder)
    let actions = try golden.actions(pretrained)
    let found = try deviation(actions, #require(try golden.expected("out/actions")))
    #expect(found < 1e-5)
    // LeRobot's own arithmetic of such a checkpoint is bfloat16.
    if let rounded = try golden.expected("out/actions_bfloat16") { #expect(try deviation(actions, rounded) < 0.05) }
    #expect(pretrained.policy.parameters.trainable.allSatisfy { $0.parameter.tensor.dtype == .float32 })
    if ProcessInfo.processInfo.environment["WM_PARITY_CHECKPOINTS"] != nil {
      print("parity \(golden.testDescription): checkpoint actions equal, deviation \(found) (tolerance 1e-5)")
    }
  }

  @Test func `with fields of another LeRobot version loads, and leaves without them`() throws {
    try CheckpointCase.within { folder in
      let config = folder.appendingPathComponent("config.json")
      var fields = try #require(try JSON(contentsOf: config).object)
      for name in ["rtc_config", "compile_model", "compile_mode", "use_peft", "license"] { fields[name] = nil }
      fields["a_newer_field"] = ["of": 1]
      try JSON.object(fields).write(to: config, overwrite: true)
      var builder = try CheckpointCase.builder(folder)
      let pretrained = try builder.pretrained(folder)
      #expect(pretrained.configuration["a_newer_field"] == nil)
      let actions = try CheckpointCase(folder: folder).actions(pretrained)
      #expect(try deviation(actions, #require(try CheckpointCase(folder: folder).expected("out/actions"))) < 1e-5)
    }
  }

  @Test func `takes a dataset's features and statistics, and says so in one line`() throws {
    var builder = try CheckpointCase.builder(base)
    let pretrained = try builder.new(from: base, features: libero(), renaming: [:])
    #expect(builder.notices.count == 1)
    let line = try #require(builder.notices.first)
    for text in ["camera3 [3, 12, 10]", "action [6]", "image2 [3, 16, 16]", "observation.state [8]", "action [7]"] {
      #expect(line.contains(text), "\(line)")
    }
    #expect(pretrained.configuration["load_vlm_weights"] == true)
    #expect(pretrained.policy.interface.cameras == ["observation.images.image", "observation.images.image2"])
    let back = try pretrained.postprocessor(actions: Tensor.ones([1, 1, 7]))
    #expect(try back.scalars(Float.self) == Array(repeating: 2.5, count: 7))
  }

  @Test func `keeps its statistics where it is asked to`() throws {
    var builder = try CheckpointCase.builder(base, "normalization=checkpoint")
    var features = try libero()
    features.inputs = builder.settings.smolvla.inputFeatures
    features.outputs = builder.settings.smolvla.outputFeatures
    let pretrained = try builder.new(from: base, features: features, renaming: [:])
    let expected = try #require(try CheckpointCase(folder: base).expected("out/actions"))
    #expect(try deviation(CheckpointCase(folder: base).actions(pretrained), expected) < 1e-5)
    var other = try CheckpointCase.builder(base, "normalization=checkpoint")
    let error = #expect(throws: Failure.self) { try other.new(from: base, features: libero(), renaming: [:]) }
    #expect(error?.description.contains("has the shape [6], the feature [8]") == true)
  }

  @Test func `is where a policy with a world modality may start`() throws {
    var world = SmolVLAWorldConfiguration()
    world.smolvla = try CheckpointCase.builder(base).settings.smolvla
    (world.world.worldLatentDimension, world.world.injectionHeads, world.world.prophetHeads) = (8, 2, 2)
    world.world.isInitialPolicyStrict = true
    var builder = PolicyBuilder(.smolvlaWorld(world), device: .cpu, seed: 5)
    let policy = try builder.new(from: base, features: libero(), renaming: [:]).policy
    var baseline = try CheckpointCase.builder(base)
    let parameters = try baseline.new(from: base, features: libero(), renaming: [:]).policy.parameters.parameters
    for (mine, theirs) in zip(policy.parameters.parameters, parameters) {
      #expect(try mine.name == theirs.name && mine.tensor.isIdentical(to: theirs.tensor))
    }
    #expect(builder.notices == baseline.notices)
  }

  @Test func `takes its backbone along, whose weights LeRobot needs only where it loads them`() throws {
    for (flag, hasWeights) in [("load_vlm_weights=true", true), ("load_vlm_weights=false", false)] {
      var builder = try CheckpointCase.builder(base, flag)
      let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-saved-\(UUID().uuidString)")
      defer { try? FileManager.default.removeItem(at: folder) }
      try builder.pretrained(base).save(to: folder)
      let backbone = folder.appendingPathComponent("SmolVLM2-500M-Video-Instruct")
      let names = try FileManager.default.contentsOfDirectory(atPath: backbone.path)
      #expect(names.contains("tokenizer.json") && names.contains("model.safetensors") == hasWeights)
    }
  }

  /// As `lerobot/smolvla_base` itself is: statistics of actions alone, under the names of the datasets it was trained on.
  @Test func `with statistics of several datasets is for training on another`() throws {
    try CheckpointCase.within { folder in
      for name in [
        "policy_preprocessor_step_5_normalizer_processor", "policy_postprocessor_step_0_unnormalizer_processor",
      ] {
        try rewrite(folder.appendingPathComponent("\(name).safetensors")) { statistics in
          statistics = OrderedDictionary(
            uniqueKeysWithValues: ["so100", "so100-blue"].flatMap { set in
              statistics.filter { $0.key.hasPrefix("action.") }.map { ("\(set).buffer.\($0.key)", $0.value) }
            })
        }
      }
      var builder = try CheckpointCase.builder(folder)
      _ = try builder.new(from: folder, features: libero(), renaming: [:])
      for flag in ["normalization=dataset", "normalization=checkpoint"] {
        var builder = try CheckpointCase.builder(folder, flag)
        let sentence = #expect(throws: Failure.self) {
          if flag == "normalization=dataset" {
            _ = try builder.pretrained(folder)
          } else {
            _ = try builder.new(from: folder, features: libero(), renaming: [:])
          }
        }
        #expect(sentence?.description.contains("so100-blue.buffer.") == true, "\(sentence?.description ?? "")")
        #expect(sentence?.description.contains("`normalization=dataset") == true)
      }
    }
  }

  /// As LeRobot before 0.4 saved them.
  @Test func `whose statistics lie among the weights plans the same`() throws {
    try CheckpointCase.within { folder in
      let golden = CheckpointCase(folder: folder)
      let expected = try #require(try golden.expected("out/actions"))
      let statistics = try Tensor.load(
        folder.appendingPathComponent("policy_preprocessor_step_5_normalizer_processor.safetensors")
      ).mapValues { try $0.clone() }
      let files = FileManager.default
      for name in try files.contentsOfDirectory(atPath: folder.path) where name.hasPrefix("policy_") {
        try files.removeItem(at: folder.appendingPathComponent(name))
      }
      let weights = folder.appendingPathComponent("model.safetensors")
      try rewrite(weights) { state in
        for statistic in ["mean", "std"] {
          let (observed, acted) = (statistics["observation.state.\(statistic)"], statistics["action.\(statistic)"])
          state["normalize_inputs.buffer_observation_state.\(statistic)"] = observed
          for place in ["normalize_targets", "unnormalize_outputs"] {
            state["\(place).buffer_action.\(statistic)"] = acted
          }
        }
        let compiled = state.removeValue(forKey: "model.state_proj.weight")
        state["model._orig_mod.state_proj.weight"] = compiled
      }
      var builder = try CheckpointCase.builder(folder)
      #expect(try deviation(golden.actions(builder.pretrained(folder)), expected) < 1e-5)
      #expect(builder.notices.count == 1)
      try rewrite(weights) { state in
        state["unnormalize_outputs.buffer_action.std"] = try Tensor.full([6], .infinity)
        state["normalize_targets.buffer_action.std"] = try Tensor.full([6], .infinity)
      }
      #expect(throws: Failure.self) { try builder.pretrained(folder) }
      _ = try builder.new(from: folder, features: libero(), renaming: [:])
    }
  }

  @Test func `with other keys is refused by one sentence that lists them`() throws {
    try CheckpointCase.within { folder in
      try rewrite(folder.appendingPathComponent("model.safetensors")) { state in
        for name in state.keys where name.contains("vision_model") { state[name] = nil }
        state["model.stranger"] = try Tensor.zeros([1])
        state["model.state_proj.bias"] = try Tensor.zeros([3])
      }
      for flags in [["train_expert_only=true"], ["chunk_size=6"]] {
        var builder = try CheckpointCase.builder(folder, flags[0])
        let error = #expect(throws: Failure.self) { try builder.pretrained(folder) }
        let sentence = try #require(error?.description)
        #expect(sentence.contains("21 missing") || sentence.contains("missing: model."), "\(sentence)")
        #expect(sentence.contains(" more; 1 unexpected: model.stranger; 1 of another shape or type: "))
        #expect(sentence.contains("model.state_proj.bias: "))
        #expect(sentence.split(separator: ",").count < 16)
      }
    }
  }

  @Test func `is not needed for a new policy with the published backbone's weights`() throws {
    try CheckpointCase.within { folder in
      let backbone = folder.appendingPathComponent("SmolVLM2-500M-Video-Instruct")
      func new() throws -> PretrainedPolicy {
        var builder = try CheckpointCase.builder(folder, "vlm_model_name=\(backbone.path)")
        return try builder.new(from: nil, features: libero(), renaming: [:])
      }
      let policy = try new().policy
      let published = try Tensor.load(backbone.appendingPathComponent("model.safetensors"))
      let parameters = OrderedDictionary(
        uniqueKeysWithValues: policy.parameters.parameters.map { ($0.name, $0.tensor) })
      var compared = 0
      for (name, tensor) in published {
        guard let found = parameters["model.vlm_with_expert.vlm.\(name)"] else { continue }
        #expect(try found.to(.float32).isIdentical(to: tensor.to(.float32)), "\(name)")
        compared += 1
      }
      #expect(compared == parameters.keys.count { $0.contains(".vlm.") } && compared > 30)
      try rewrite(backbone.appendingPathComponent("model.safetensors")) { state in
        state["model.text_model.norm.weight"] = nil
      }
      let keys = #expect(throws: Failure.self) { try new() }
      #expect(keys?.description.contains("1 missing: model.vlm_with_expert.vlm.model.text_model.norm.weight") == true)
      try FileManager.default.removeItem(at: backbone.appendingPathComponent("model.safetensors"))
      let file = #expect(throws: Failure.self) { try new() }
      #expect(file?.description.contains("`load_vlm_weights") == true)
    }
  }
}
