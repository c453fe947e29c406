import Failures
import Foundation
import RobotPolicies
import Testing

@testable import PolicyTraining

struct CheckpointDirectoryTests {
  private func within(_ body: (CheckpointDirectory, URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-training-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let directory = CheckpointDirectory(output: folder)
    try body(directory, directory.url)
  }

  private func names(_ folder: URL) -> [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  @Test func `names its folders as LeRobot does`() throws {
    try within { directory, _ in
      #expect(directory.folder(step: 500, of: 20_000).lastPathComponent == "000500")
      #expect(directory.folder(step: 500, of: 12_345_678).lastPathComponent == "00000500")
      #expect(directory.folder(step: 1_234_567, of: 10).lastPathComponent == "1234567")
    }
  }

  @Test func `lets last name the newest, and saves a step again`() throws {
    try within { directory, url in
      for (step, text) in [(3, "a"), (6, "b"), (6, "c")] {
        _ = try directory.save(step: step, of: 6) { try Data(text.utf8).write(to: $0.appendingPathComponent("file")) }
      }
      #expect(names(url) == ["000003", "000006", "last"])
      #expect(try directory.last().lastPathComponent == "000006")
      #expect(try Data(contentsOf: directory.last().appendingPathComponent("file")) == Data("c".utf8))
    }
  }

  @Test func `keeps the one before when writing fails`() throws {
    try within { directory, url in
      _ = try directory.save(step: 3, of: 6) { _ in }
      for step in [3, 6] {
        #expect(throws: Failure("full")) {
          _ = try directory.save(step: step, of: 6) { folder in
            try Data("half".utf8).write(to: folder.appendingPathComponent("file"))
            throw Failure("full")
          }
        }
        #expect(names(url) == ["000003", "last"])
        #expect(names(url.appendingPathComponent("000003")) == [])
      }
    }
  }

  @Test func `trusts no link that leads elsewhere`() throws {
    try within { directory, url in
      #expect(throws: Failure.self) { try directory.last() }
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
      for target in ["/etc", "../other", ".."] {
        let link = url.appendingPathComponent("last")
        try? FileManager.default.removeItem(at: link)
        try FileManager.default.createSymbolicLink(atPath: link.path, withDestinationPath: target)
        #expect(throws: Failure.self, "\(target)") { try directory.last() }
      }
    }
  }
}

struct LogLineTests {
  @Test(arguments: [(999.0, "999"), (1_000, "1K"), (1_600, "2K"), (12_345, "12K"), (2_000_000, "2M")])
  func `shortens large numbers`(value: Double, text: String) { #expect(LogLine.short(value) == text) }

  @Test func `names values as LeRobot does`() {
    let line = LogLine(batchSize: 8, frames: 3200, episodes: 20)
    #expect(
      line.text(
        step: 200,
        values: [
          "loss": 0.1234, "grad_norm": 2, "lr": 1e-4, "update_s": 0.5, "dataloading_s": 0.25, "step_s": 0.75,
          "samples_per_s": 10.67,
        ])
        == "step:200 smpl:2K ep:10 epch:0.50 loss:0.123 grdn:2.000 lr:1.0e-04 updt_s:0.500 data_s:0.250 step_s:0.750 "
        + "smp/s:11")
    #expect(
      line.text(
        step: 400, values: ["eval/avg_sum_reward": 0.5, "eval/pc_success": 50, "eval/eval_s": 1.25])
        == "step:400 smpl:3K ep:20 epch:1.00 ∑rwrd:0.500 success:50.0 eval_s:1.250")
  }
}
