import Foundation
import ModelFiles

/// How far a long piece of work has come: a bar that redraws itself on a terminal, now and then a plain line elsewhere.
///
/// ```swift
/// let progress = ProgressBar("training", total: steps)
/// progress.update(step, note: "loss 0.132")
/// progress.finish()
/// ```
public final class ProgressBar {
  public enum Unit: Sendable {
    case pieces
    case bytes
    /// Pieces by their name, such as `steps`.
    case named(String)
  }

  private let unit: Unit
  private let label: String
  private let total: Int
  private let first: Int
  private let isTerminal: Bool
  private let output: FileHandle
  /// Later by the time that pauses took.
  private var start = ContinuousClock.now
  private var pausedAt: ContinuousClock.Instant?
  /// When something was done first, and how much: what comes before is the start of the work, which no rate counts.
  private var begun: (done: Int, at: ContinuousClock.Instant)?
  private var lastDrawn: ContinuousClock.Instant?
  private var lineIsOpen = false
  /// The last that was said and not drawn.
  private var pending: (done: Int, note: String, estimate: String?)?

  /// Begins; work that was done before, by an interrupted run, is `first`.
  public init(
    _ label: String, total: Int, first: Int = 0, unit: Unit = .pieces, output: FileHandle = .standardError
  ) {
    self.label = label
    self.unit = unit
    self.total = total
    self.first = first
    self.output = output
    isTerminal = isatty(output.fileDescriptor) == 1
  }

  /// Says that `done` of the total are done; draws at most ten times a second, or once in ten seconds as plain lines.
  ///
  /// - Parameter estimate: the time that is left, where the caller knows better than the rate so far does.
  public func update(_ done: Int, note: String = "", estimate: String? = nil) {
    let now = ContinuousClock.now
    if let pausedAt {
      start += pausedAt.duration(to: now)
      begun?.at += pausedAt.duration(to: now)
    }
    pausedAt = nil
    if begun == nil, done > first { begun = (done, now) }
    pending = (done, note, estimate)
    let isTime = lastDrawn.map { $0.duration(to: now) >= (isTerminal ? .milliseconds(100) : .seconds(10)) } ?? true
    guard isTime || (isTerminal && done == total) else { return }
    lastDrawn = now
    pending = nil
    draw(line(done, note, now, estimate))
  }

  /// Prints a line of its own above the bar.
  public func say(_ line: String) {
    if isTerminal, lineIsOpen { write("\r\u{1B}[K") }
    write(line + "\n")
    lineIsOpen = false
    lastDrawn = isTerminal ? nil : lastDrawn
  }

  /// Ends the line while other work is done, whose time belongs to no rate and no estimate, until the next update.
  public func pause() {
    finish()
    pausedAt = pausedAt ?? .now
  }

  /// Ends, with how far the work has come as the last line.
  public func finish() {
    if let last = pending { draw(line(last.done, last.note, .now, last.estimate)) }
    pending = nil
    if isTerminal, lineIsOpen { write("\n") }
    lineIsOpen = false
  }

  private func draw(_ line: String) {
    write(isTerminal ? "\r\u{1B}[K" + String(line.prefix(columns - 1)) : line + "\n")
    lineIsOpen = isTerminal
  }

  /// The terminal's width; a longer line would break, and could not be redrawn.
  private var columns: Int {
    var size = winsize()
    return ioctl(output.fileDescriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 1 ? Int(size.ws_col) : 1000
  }

  private func write(_ text: String) { try? output.write(contentsOf: Data(text.utf8)) }

  private func line(_ done: Int, _ note: String, _ now: ContinuousClock.Instant, _ estimate: String?) -> String {
    let elapsed = start.duration(to: now) / .seconds(1)
    let rate = rate(done, now, elapsed)
    let left = estimate ?? rate.map { formattedDuration(Double(total - done) / $0) }
    let time = done >= total && estimate == nil ? "in \(formattedDuration(elapsed))" : left.map { "\($0) left" }
    let share = total > 0 ? min(1, Double(done) / Double(total)) : 1
    let parts: [String?] =
      switch unit {
      case .pieces: ["\(done)/\(total)", rate.map { "\(Self.short($0))/s" }, time]
      case .named(let name): ["\(done)/\(total) \(name)", time]
      case .bytes:
        [
          "\(formattedSize(done)) of \(formattedSize(total))", rate.map { "\(formattedSize(Int(min($0, 1e15))))/s" },
          time,
        ]
      }
    let counts = parts.compactMap(\.self).joined(separator: ", ")
    guard isTerminal else { return [label, counts, note].filter { !$0.isEmpty }.joined(separator: ": ") }
    let filled = Int(share * 24)
    let bar = String(repeating: "━", count: filled) + String(repeating: "╌", count: 24 - filled)
    return ["\(label) \(bar) \(counts)", note].filter { !$0.isEmpty }.joined(separator: "  ")
  }

  /// Pieces a second; nil where too little is done to tell.
  private func rate(_ done: Int, _ now: ContinuousClock.Instant, _ elapsed: Double) -> Double? {
    if done >= total, done > first { return Double(done - first) / max(elapsed, 1e-9) }
    guard let begun, done > begun.done else { return nil }
    return Double(done - begun.done) / max(begun.at.duration(to: now) / .seconds(1), 1e-9)
  }

  static func short(_ rate: Double) -> String {
    rate >= 100 ? String(format: "%.0f", rate) : rate >= 1 ? String(format: "%.1f", rate) : String(format: "%.3f", rate)
  }
}
