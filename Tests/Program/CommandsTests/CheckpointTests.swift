@testable import PretrainedPolicies
import CounterBasedRandom
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import RobotPolicies
import Testing
import WorldModality

struct CheckpointTests {
  /// Settings as `--policy.path` reads them.
  private struct Settings: ConfigurationSection {
    @SettingsGroup("policy", help: "the kind of policy", of: PolicySettings.kinds)
    var policy = PolicySettings.smolvla(.init())
  }

  private func load(_ folder: URL) throws -> PretrainedPolicy {
    var configured = Configured<Settings>()
    let config = folder.appendingPathComponent("config.json")
    try configured.apply(JSON(contentsOf: config), from: config.path, at: "policy", unknown: .keep)
    var builder = PolicyBuilder(configured.value.policy, device: .cpu)
    return try builder.pretrained(folder)
  }

  /// Raw observations in, actions of the robot out: both pipelines and the policy.
  private func actions(_ pretrained: PretrainedPolicy) throws -> [Float] {
    var batch = Batch()
    let pixels = (0..<2 * 768).map { Float($0 % 97) / 97 }
    for camera in ["image", "image2"] { batch[BatchKey.images + camera] = try Tensor(pixels, shape: [2, 3, 16, 16]) }
    batch[BatchKey.state] = try Tensor([0.1, -0.2, 0.3, 0.4] as [Float], shape: [2, 2])
    let prepared = try pretrained.preprocessor(batch, tasks: ["push", "push it to the left"], device: .cpu)
    let random = CountedRandom(seed: 1, "test")
    let chunk = try pretrained.policy.actionChunk(for: prepared, random: [random.at(0), random.at(1)])
    return try pretrained.postprocessor(actions: chunk).scalars(Float.self)
  }

  @Test func `plans the same after it was saved and loaded, wherever it lies`() throws {
    try Fixture.within { folder in
      let first = try load(folder.appendingPathComponent(Flags.checkpoint))
      let planned = try actions(first)
      #expect(planned.count == 2 * 4 * 2 && planned.allSatisfy(\.isFinite) && Set(planned).count > 8)
      let copy = folder.appendingPathComponent("elsewhere/copy")
      try first.save(to: copy)
      // Nothing but the copy is left of what it was made of.
      try FileManager.default.removeItem(at: folder.appendingPathComponent("models"))
      let second = try load(copy)
      #expect(try actions(second) == planned)
      for file in ["model.safetensors", "policy_preprocessor.json", "policy_postprocessor.json", "config.json"] {
        let source = folder.appendingPathComponent(Flags.checkpoint).appendingPathComponent(file)
        #expect(try copy.appendingPathComponent(file).bytes() == source.bytes(), "\(file)")
      }
    }
  }

  @Test func `of another machine runs on what there is here, unless a device is asked for`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let config = folder.appendingPathComponent(Flags.checkpoint).appendingPathComponent("config.json")
      var settings = try #require(try JSON(contentsOf: config).object)
      settings["device"] = "mps"
      try JSON.object(settings).write(to: config, overwrite: true)
      let evaluate = Flags.evaluate + ["--policy.path=\(Flags.checkpoint)"]
      try Program.succeed(evaluate + ["--output_dir=eval"], in: folder)
      let outcome = try Program.run(evaluate + ["--output_dir=other", "--policy.device=cuda:99"], in: folder)
      #expect(outcome.status == 1 && outcome.errors.contains("--policy.device=cuda:99"))
    }
  }

  @Test func `is not written over another`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let checkpoint = folder.appendingPathComponent(Flags.checkpoint)
      let before = try checkpoint.appendingPathComponent("model.safetensors").bytes()
      #expect(throws: (any Error).self) { try load(checkpoint).save(to: checkpoint) }
      #expect(try checkpoint.appendingPathComponent("model.safetensors").bytes() == before)
    }
  }
}
