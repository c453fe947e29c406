import Foundation
import RunLogs
import Testing

@testable import PolicyTraining

struct CheckpointRetentionTests {
  private func retention(newest: Int, best: Int = 0) -> CheckpointRetention {
    var retention = CheckpointRetention()
    (retention.newest, retention.best) = (newest, best)
    return retention
  }

  private func kept(_ steps: [Int], _ retention: CheckpointRetention, _ measured: [Int: Metrics] = [:]) -> [Int] {
    let folders = Dictionary(uniqueKeysWithValues: steps.map { ($0, URL(fileURLWithPath: "/run/\($0)")) })
    let gone = retention.superseded(folders, by: measured).map(\.lastPathComponent)
    return steps.filter { !gone.contains(String($0)) }
  }

  @Test func `all stay unless a number is given, then the newest and the best`() {
    let steps = [10, 20, 30, 40, 50]
    let success: [Int: Metrics] = [
      10: ["eval/pc_success": 60, "eval/eval_loss": 0.9], 20: ["eval/pc_success": 80], 30: ["eval/pc_success": 80],
      40: ["eval/pc_success": 20, "eval/eval_loss": 0.1], 50: ["eval/eval_loss": 0.05],
    ]
    #expect(kept(steps, retention(newest: 0, best: 1), success) == steps)
    #expect(kept(steps, retention(newest: 2)) == [40, 50] && kept([10], retention(newest: 3)) == [10])
    // Of equals the later; what was not evaluated is none of the best.
    #expect(kept(steps, retention(newest: 1, best: 1), success) == [30, 50])
    #expect(kept(steps, retention(newest: 1, best: 3), success) == [10, 20, 30, 50])
    let losses = success.mapValues { $0.filter { $0.key == "eval/eval_loss" } }
    #expect(kept(steps, retention(newest: 1, best: 2), losses) == [40, 50])
    #expect(kept(steps, retention(newest: 1, best: 3), losses) == [10, 40, 50])
    #expect(retention(newest: 2, best: 1).most == 4 && retention(newest: 0).most == nil)
  }
}
