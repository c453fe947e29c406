import Foundation
import ModelFiles
import OrderedCollections

/// What a Weights & Biases run is called and described by.
public struct WandBDescription: Sendable {
  /// The run's identifier; letters, digits, `-` and `_`.
  public var runID: String
  /// Where it belongs on the server; no entity means the user's own.
  public var project = "lerobot", entity: String?
  /// What people read of it.
  public var name: String, notes: String?, tags: [String] = []
  /// Its settings, by section.
  public var configuration: JSON

  /// A description with LeRobot's project.
  public init(runID: String, name: String, configuration: JSON) {
    self.runID = runID
    self.name = name
    self.configuration = configuration
  }

  /// A new identifier as the service gives them: eight letters and digits.
  public static func newRunID() -> String {
    String((0..<8).compactMap { _ in "abcdefghijklmnopqrstuvwxyz0123456789".randomElement() })
  }

  /// Whether a text can be an identifier, which is part of file names.
  public static func isRunID(_ text: String) -> Bool {
    (1...64).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
          true
        default: false
        }
      }
  }
}

/// An offline Weights & Biases run, for `wandb sync`: `OUTPUT/wandb/offline-run-DATE_TIME_ID/run-ID.wandb`.
///
/// The file is a log of the service's `Record` messages. A resumed run goes on in the same file, cut back to its first
/// step, so that the run stays one. A step's values make one row, which is written when the next step begins.
struct WandBRun {
  /// The run's folder.
  let folder: URL
  /// The last step whose row the file holds, if any.
  private(set) var lastStep: Int?
  private let log: RecordLog
  private var number: Int
  private var pending: (step: Int, values: Metrics)?
  private let start: Date
  private let earlierSeconds: Double
  private let now: () -> Date

  /// Opens or begins the run below `output`.
  ///
  /// - Parameter step: rows from this step on, which a killed run left, are dropped.
  init(
    _ description: WandBDescription, output: URL, resumingAt step: Int, now: @escaping () -> Date = Date.init
  ) throws(FileError) {
    self.now = now
    start = now()
    let root = output.appendingPathComponent("wandb")
    let file = "run-\(description.runID).wandb"
    let found = step > 0 ? Self.folder(of: description.runID, in: root) : nil
    let before = found.map { History($0.appendingPathComponent(file), before: step) } ?? History()
    let isNew = before.length == 0
    let folder = found ?? root.appendingPathComponent("offline-run-\(Self.stamp(start))-\(description.runID)")
    self.folder = folder
    do {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("files"), withIntermediateDirectories: true)
    } catch {
      throw .system(folder.path, "be made", systemReason(of: error))
    }
    log = try RecordLog(folder.appendingPathComponent(file), keeping: before.length)
    (number, lastStep, earlierSeconds) = (before.count, before.lastStep, before.seconds)
    // What was synced before is no longer all there is.
    unlink(folder.appendingPathComponent(file + ".synced").path)
    Self.link(folder, as: root.appendingPathComponent("latest-run"))
    if isNew {
      try append(.header, WandBRecords.header)
      try append(.run, WandBRecords.run(description, start: start, host: hostName(), step: step))
    } else {
      try append(.config, WandBRecords.configuration(description.configuration))
    }
  }

  /// Adds values to a step's row.
  mutating func write(_ values: Metrics, step: Int) throws(FileError) {
    if let pending, pending.step != step { try flush() }
    pending = (step, (pending?.values ?? [:]).merging(values) { $1 })
  }

  /// Writes the last row and how the run ended; 0 is success.
  mutating func finish(exitCode: Int) throws(FileError) {
    try flush()
    try append(.exit, WandBRecords.exit(code: exitCode, seconds: seconds))
  }

  private mutating func flush() throws(FileError) {
    guard let (step, values) = pending else { return }
    pending = nil
    var items = values.mapValues(JSON.number)
    items["_timestamp"] = .number(now().timeIntervalSince1970)
    items["_runtime"] = .number(seconds)
    items["_step"] = .integer(step)
    try append(.summary, WandBRecords.items(items))
    try append(
      .history,
      ProtocolBuffer {
        $0.append(WandBRecords.items(items))
        $0.add(2, ProtocolBuffer { $0.add(1, step) })
      })
    lastStep = step
  }

  private var seconds: Double { earlierSeconds + now().timeIntervalSince(start) }

  private mutating func append(_ kind: WandBRecords.Kind, _ message: ProtocolBuffer) throws(FileError) {
    number += 1
    let record = ProtocolBuffer {
      $0.add(1, number)
      $0.add(kind.rawValue, message)
    }
    try log.append(record.bytes)
  }

  /// The newest folder of a run.
  private static func folder(of runID: String, in root: URL) -> URL? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
    return names.filter { $0.hasPrefix("offline-run-") && $0.hasSuffix("-\(runID)") }.max()
      .map { root.appendingPathComponent($0) }
  }

  /// As the `wandb` package, and LeRobot when it looks for a run's identifier, expect it; a convenience, so a failure
  /// costs nothing.
  private static func link(_ folder: URL, as link: URL) {
    unlink(link.path)
    symlink(folder.lastPathComponent, link.path)
  }

  private static func stamp(_ date: Date) -> String {
    let format = DateFormatter()
    format.locale = Locale(identifier: "en_US_POSIX")
    format.dateFormat = "yyyyMMdd_HHmmss"
    return format.string(from: date)
  }
}

extension WandBRun {
  /// What of an earlier session's file stays: everything up to the last row before a step.
  struct History: Equatable {
    var length = 0
    var count = 0
    var lastStep: Int?
    var seconds = 0.0

    init() {}

    init(_ url: URL, before step: Int) {
      guard let bytes = try? MappedFile(url).contents else { return }
      var isDescribed = false
      for (content, end) in RecordLog.records(in: bytes) {
        guard let record = ProtocolBufferFields(content[...]), let number = record.integer(1) else { break }
        if let row = record.message(WandBRecords.Kind.history.rawValue) {
          guard let own = row.message(2)?.integer(1), own < step, own > lastStep ?? -1 else { break }
          lastStep = own
          seconds = WandBRecords.number("_runtime", in: row) ?? seconds
        } else if !record.contents(WandBRecords.Kind.run.rawValue).isEmpty {
          isDescribed = true
        } else if WandBRecords.endsRows(record) {
          // A summary goes with the row behind it, and an end is one no longer.
          continue
        }
        if isDescribed { (length, count) = (end, max(count, min(number, 1 << 40))) }
      }
    }
  }
}
