import Foundation
import ModelFiles
import OrderedCollections
import Policies

/// `metrics.jsonl`: one JSON object a line, for every logged step.
struct MetricsLog {
  private let handle: FileHandle

  /// Opens the file; a resumed run keeps the lines up to its first step and drops what a killed run wrote after it.
  init(_ url: URL, resumingAt step: Int) throws {
    if step > 0, let text = try? String(contentsOf: url, encoding: .utf8) {
      let kept = text.split(separator: "\n").filter { line in
        ((try? JSON(parsing: String(line)))?["step"]?.integer).map { $0 <= step } ?? false
      }
      try AtomicFile.write(Array(kept.map { $0 + "\n" }.joined().utf8), to: url, overwrite: true)
    } else {
      try AtomicFile.write([], to: url, overwrite: true)
    }
    handle = try FileHandle(forWritingTo: url)
    try handle.seekToEnd()
  }

  func write(_ values: OrderedDictionary<String, Double>, step: Int) throws {
    var line: OrderedDictionary<String, JSON> = ["step": .integer(step)]
    for (key, value) in values { line[key] = .number(value) }
    do {
      try handle.write(contentsOf: Data((JSON.object(line).text(.compact) + "\n").utf8))
    } catch {
      throw PolicyError("metrics.jsonl could not be written; is the disk full?")
    }
  }
}

/// LeRobot's log line: `step:1K smpl:32K ep:64 epch:0.53 loss:0.123 …`
enum LogLine {
  static func text(step: Int, samples: Int, epochs: Double, values: OrderedDictionary<String, Double>) -> String {
    let head = ["step:\(short(Double(step)))", "smpl:\(short(Double(samples)))", String(format: "epch:%.2f", epochs)]
    let body = values.map { key, value in
      "\(names[key] ?? key):\(key == "lr" ? String(format: "%.1e", value) : String(format: "%.3f", value))"
    }
    return (head + body).joined(separator: " ")
  }

  /// LeRobot's short forms.
  private static let names = ["grad_norm": "grdn", "update_s": "updt_s", "dataloading_s": "data_s"]

  static func short(_ value: Double) -> String {
    var value = value
    for suffix in ["", "K", "M", "B", "T"] {
      if abs(value) < 1000 { return String(format: "%.0f", value) + suffix }
      value /= 1000
    }
    return String(format: "%.0fQ", value)
  }
}
