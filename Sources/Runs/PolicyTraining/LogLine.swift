import Foundation
import RunLogs

/// LeRobot's log line: `step:1K smpl:32K ep:64 epch:0.53 loss:0.123 grdn:… lr:… updt_s:… data_s:… step_s:… smp/s:…`
struct LogLine {
  /// Samples of one update, and the dataset's frames and episodes.
  let batchSize: Int, frames: Int, episodes: Int

  /// The progress of a run at a step, under LeRobot's names.
  func position(at step: Int) -> Metrics {
    let samples = Double(step * batchSize)
    let epochs = samples / Double(max(frames, 1))
    return ["steps": Double(step), "samples": samples, "episodes": epochs * Double(episodes), "epochs": epochs]
  }

  /// The line of a step.
  func text(step: Int, values: Metrics) -> String {
    let head = position(at: step).map { name, value in
      switch name {
      case "epochs": String(format: "epch:%.2f", value)
      default: "\(Self.names[name] ?? name):\(Self.short(value))"
      }
    }
    let body = values.filter { !Self.isDiagnostic($0.key) }.map { key, value in
      "\(Self.names[key] ?? key):\(String(format: Self.formats[key] ?? "%.3f", value))"
    }
    return (head + body).joined(separator: " ")
  }

  /// The line of a held-out loss: its parts have the names of a training line's, after `eval_`.
  func heldOutText(step: Int, values: Metrics) -> String {
    let head = String(format: "step:\(Self.short(Double(step))) epch:%.2f", position(at: step)["epochs"] ?? 0)
    let body = values.compactMap { key, value -> String? in
      let name = String(key.dropFirst(HeldOutLoss.prefix.count))
      guard !Self.isDiagnostic(name) else { return nil }
      return "eval_\(Self.names[name] ?? name):\(String(format: Self.formats[name] ?? "%.3f", value))"
    }
    return ([head] + body).joined(separator: " ")
  }

  /// Whether a value is for `metrics.jsonl` and its copies alone: more of them than a terminal has room for.
  private static func isDiagnostic(_ key: String) -> Bool {
    guard !["grad_norm", "world_cos", "world_gate"].contains(key) else { return false }
    return key.hasPrefix("grad_") || key.hasPrefix("world_")
  }

  private static let names = [
    "steps": "step", "samples": "smpl", "episodes": "ep", "grad_norm": "grdn", "update_s": "updt_s",
    "dataloading_s": "data_s", "gpu_mem_gb": "mem_gb", "samples_per_s": "smp/s", "eval/avg_sum_reward": "∑rwrd",
    "eval/pc_success": "success", "eval/eval_s": "eval_s",
  ]
  private static let formats = ["lr": "%.1e", "gpu_mem_gb": "%.2f", "samples_per_s": "%.0f", "eval/pc_success": "%.1f"]

  static func short(_ value: Double) -> String {
    var value = value
    for suffix in ["", "K", "M", "B", "T"] {
      if abs(value) < 1000 { return String(format: "%.0f", value) + suffix }
      value /= 1000
    }
    return String(format: "%.0fQ", value)
  }
}
