import Foundation
import ModelFiles

/// Spans of time in rows, which Perfetto and chrome://tracing draw.
public struct Trace: Sendable {
  /// Where a span is drawn: a thread's row, or that of a stream of a GPU, in the group of its kind.
  public struct Row: Hashable, Sendable {
    public let group: String
    /// The system's number of the thread, or the stream's.
    public let number: Int

    public init(_ group: String, _ number: Int) { (self.group, self.number) = (group, number) }
  }

  /// What a row did between two times of ``Tracer/now()``.
  public struct Span: Sendable {
    public let name: String
    public let row: Row
    public let start, end: UInt64

    public init(_ name: String, _ row: Row, start: UInt64, end: UInt64) {
      (self.name, self.row, self.start, self.end) = (name, row, start, max(start, end))
    }
  }

  /// The group of the process's threads.
  public static let threads = "threads"

  /// When the recording began, by ``Tracer/now()``: zero in the file.
  public let began: UInt64
  public var spans: [Span] = []
  /// What rows are called; others by their number.
  public var names: [Row: String] = [:]

  /// An empty trace.
  public init(began: UInt64) { self.began = began }

  /// Writes a file of Chrome's trace events, times in microseconds.
  ///
  /// - Throws: a file that is there already, unless `overwrite`, and what the disk throws.
  public func write(to url: URL, overwrite: Bool = false) throws {
    let file = try AtomicFile(url, overwrite: overwrite)
    let groups = Dictionary(grouping: Set(spans.map(\.row)), by: \.group)
    let processes = Dictionary(uniqueKeysWithValues: groups.keys.sorted().enumerated().map { ($1, $0 + 1) })
    var lines: [String] = []
    for (group, rows) in groups.sorted(by: { $0.key < $1.key }) {
      let process = processes[group] ?? 0
      lines.append(#"{"name":"process_name","ph":"M","pid":\#(process),"args":{"name":\#(quoted(group))}}"#)
      for row in rows.sorted(by: { $0.number < $1.number }) {
        let name = quoted(names[row] ?? "\(row.number)")
        lines.append(
          #"{"name":"thread_name","ph":"M","pid":\#(process),"tid":\#(row.number),"args":{"name":\#(name)}}"#)
      }
    }
    // Of spans that begin together the outer one comes first.
    for span in spans.sorted(by: { ($0.start, $1.end) < ($1.start, $0.end) }) {
      let (start, duration) = (microseconds(span.start - min(began, span.start)), microseconds(span.end - span.start))
      let place = #""pid":\#(processes[span.row.group] ?? 0),"tid":\#(span.row.number)"#
      lines.append(#"{"name":\#(quoted(span.name)),"ph":"X",\#(place),"ts":\#(start),"dur":\#(duration)}"#)
    }
    try file.write(#"{"displayTimeUnit":"ms","traceEvents":["# + "\n" + lines.joined(separator: ",\n") + "\n]}\n")
    try file.commit()
  }

  private func quoted(_ text: String) -> String { JSON.string(text).text(.line) }

  private func microseconds(_ nanoseconds: UInt64) -> String {
    "\(nanoseconds / 1000).\("\(nanoseconds % 1000)".zeroPadded(to: 3))"
  }
}
