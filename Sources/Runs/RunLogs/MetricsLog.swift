import Foundation
import ModelFiles
import OrderedCollections

/// What was measured, by name.
public typealias Metrics = OrderedDictionary<String, Double>

/// `metrics.jsonl`: one JSON object a line for every step that was logged, the truth of which the other logs are copies.
struct MetricsLog {
  struct Row: Equatable {
    let step: Int
    var values: Metrics
  }

  /// The lines of a resumed run that are still true: up to its first step, in order.
  let kept: [Row]
  private let file: GrowingFile
  private var lastStep: Int?

  /// Opens the file; a resumed run drops what a killed one wrote after its first step.
  init(_ url: URL, resumingAt step: Int) throws {
    var rows: [Row] = []
    var length = 0
    if step > 0, let bytes = try? MappedFile(url).contents {
      for line in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).dropLast() {
        guard let row = Row(line), row.step <= step, row.step > rows.last?.step ?? -1 else { break }
        rows.append(row)
        length += line.count + 1
      }
    }
    kept = rows
    lastStep = rows.last?.step
    file = try GrowingFile(url, keeping: length)
  }

  /// Writes a step's values, or adds them to its line where it was the last to have one.
  mutating func write(_ values: Metrics, step: Int) throws {
    let members = JSON.object(values.mapValues(JSON.number)).text(.compact).utf8.dropFirst()
    if step == lastStep {
      try file.append(Array(",".utf8) + members + Array("\n".utf8), replacing: 2)
    } else {
      try file.append(Array(#"{"step":\#(step),"#.utf8) + members + Array("\n".utf8))
    }
    lastStep = step
  }
}

extension MetricsLog.Row {
  /// A line's step and numbers; nil where it is no such line.
  fileprivate init?(_ line: ArraySlice<UInt8>) {
    guard let members = (try? JSON(parsing: Array(line)))?.object, let step = members["step"]?.integer, step >= 0
    else { return nil }
    self.step = step
    values = [:]
    for (name, value) in members where name != "step" { values[name] = value.double }
  }
}
