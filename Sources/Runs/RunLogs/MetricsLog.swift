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
  /// Where lines of a resumed run are kept that hold no step, or none that could follow; nil if there are none.
  let damaged: URL?
  private let file: AppendOnlyFile
  private var lastStep: Int?

  /// Opens the file; a resumed run drops what a killed one wrote after its first step.
  init(_ url: URL, resumingAt step: Int) throws {
    let newline = UInt8(ascii: "\n")
    var rows: [Row] = []
    var (intact, aside): ([UInt8], [UInt8]) = ([], [])
    if step > 0, let bytes = try? Data(contentsOf: url) {
      // Without the last, which a killed run may not have finished.
      for line in bytes.split(separator: newline, omittingEmptySubsequences: false).dropLast() {
        if let row = Row(line), row.step > rows.last?.step ?? -1 {
          guard row.step <= step else { break }
          rows.append(row)
          intact += line + [newline]
        } else if !line.isEmpty {
          aside += line + [newline]
        }
      }
    }
    kept = rows
    lastStep = rows.last?.step
    damaged = aside.isEmpty ? nil : url.appendingPathExtension("damaged")
    if let damaged {
      // Before the lines leave their own file.
      try AppendOnlyFile(damaged, keeping: (try? Data(contentsOf: damaged).count) ?? 0).append(aside)
      try AtomicFile.write(intact, to: url, overwrite: true)
    }
    file = try AppendOnlyFile(url, keeping: intact.count)
  }

  func requireInPlace() throws { try file.requireInPlace() }

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
  fileprivate init?(_ line: Data) {
    guard let members = (try? JSON(parsing: Array(line)))?.object, let step = members["step"]?.integer, step >= 0
    else { return nil }
    self.step = step
    values = [:]
    for (name, value) in members where name != "step" { values[name] = value.double }
  }
}
