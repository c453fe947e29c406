import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

/// A memory whose gate is held closed (`enable_world_injection=false`) changes nothing in SmolVLA's training.
struct HeldGateTests {
  /// So low a limit that every step is clipped, where a Prophet that counted would shrink SmolVLA's gradients.
  private static let training = Flags.train + ["--steps=100", "--policy.optimizer_grad_clip_norm=0.05"]
  private static let held = Flags.world + ["--policy.enable_world_injection=false"]

  @Test func `leaves 100 steps of E0 as they are, losses and weights, and the report says so`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=runs/E0_seed3"] + Self.training, in: folder)
      for (arm, mode) in [("E1", "zero"), ("E2", "pred")] {
        let flags = Self.held + ["--policy.world_memory_mode_train=\(mode)"]
        try Program.succeed(["train", "--output_dir=runs/\(arm)_seed3"] + Self.training + flags, in: folder)
        #expect(try actionLosses(folder, arm) == actionLosses(folder, "E0"), "\(arm)")
        let (own, baseline) = try (weights(folder, arm), weights(folder, "E0"))
        for (name, tensor) in baseline {
          #expect(try #require(own[name]).scalars(Float.self) == tensor.scalars(Float.self), "\(arm) \(name)")
        }
      }
      let findings = try findings(folder)
      for arm in ["E1", "E2"] {
        #expect(findings.contains("With its gate held closed, \(arm)_seed3 trains exactly as E0_seed3."), "\(findings)")
      }

      let log = folder.appendingPathComponent("runs/E1_seed3/metrics.jsonl")
      var lines = try String(contentsOf: log, encoding: .utf8).split(separator: "\n").map(String.init)
      var line = try #require(try JSON(parsing: lines[49]).object)
      line["loss"] = .number(try #require(line["loss"]?.double).nextUp)
      lines[49] = JSON.object(line).text(.line)
      try lines.joined(separator: "\n").appending("\n").write(to: log, atomically: true, encoding: .utf8)
      #expect(try self.findings(folder).contains("differ from the logged step 50 on"))
    }
  }

  /// The findings of the report's JSON.
  private func findings(_ folder: URL) throws -> String {
    try Program.succeed(["report", "--runs=runs", "--overwrite"], in: folder)
    let report = try JSON(contentsOf: folder.appendingPathComponent("runs/report.json"))
    return try #require(report["findings"]?.array).compactMap(\.string).joined(separator: "\n")
  }

  private func actionLosses(_ folder: URL, _ arm: String) throws -> [Double?] {
    let losses = try metrics(folder.appendingPathComponent("runs/\(arm)_seed3")).map { $0["loss"]?.double }
    try #require(losses.count == 100 && !losses.contains(nil))
    return losses
  }

  private func weights(_ folder: URL, _ arm: String) throws -> StateDictionary {
    try Tensor.load(
      folder.appendingPathComponent("runs/\(arm)_seed3/checkpoints/last/pretrained_model/model.safetensors"))
  }
}
