import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// The name and metadata of a Weights & Biases run.
public struct WandBDescription: Sendable {
  /// The run's identifier; letters, digits, `-` and `_`.
  public var runID: String
  /// Where it belongs on the server; no entity means the user's own.
  public var project = "lerobot", entity: String?
  public var name: String, notes: String?, tags: [String] = []
  public var configuration: JSON

  public init(runID: String, name: String, configuration: JSON) {
    self.runID = runID
    self.name = name
    self.configuration = configuration
  }

  /// A new identifier in the service's form: eight letters and digits.
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
/// The file is a log of the service's `Record` messages. Resuming rewrites it with the present settings and the rows
/// before the resumed step. A step's values make one row, which is written when the next step starts.
struct WandBRun {
  let folder: URL
  /// The last step whose row the file holds, if any.
  private(set) var lastStep: Int?
  private let log: LevelDBLogWriter
  private var number: Int
  private var pending: (step: Int, values: OrderedDictionary<String, JSON>)?
  /// When it began, by a clock that is never set back.
  private let begin = ContinuousClock.now
  private let earlierSeconds: Double
  private let now: () -> Date

  /// Opens or creates the run below `output`.
  ///
  /// - Parameter step: rows of a killed run from this step on are dropped.
  init(
    _ description: WandBDescription, output: URL, resumingAt step: Int, now: @escaping () -> Date = Date.init
  ) throws {
    self.now = now
    let start = now()
    let root = output.appendingPathComponent("wandb")
    let name = "run-\(description.runID).wandb"
    let found = step > 0 ? Self.folder(of: description.runID, in: root) : nil
    folder = found ?? root.appendingPathComponent("offline-run-\(Self.stamp(start))-\(description.runID)")
    let file = folder.appendingPathComponent(name)
    let before = found == nil ? History() : History(file, before: step)
    do {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("files"), withIntermediateDirectories: true)
    } catch {
      throw FileError.system(folder.path, "be made", systemReason(of: error))
    }
    let run = WandBRecords.run(description, start: before.start ?? start, host: hostName())
    var bytes = LevelDBLogWriter.header
    number = 0
    for (kind, message) in [(.header, WandBRecords.header), (.run, run)] + before.records {
      number += 1
      bytes += LevelDBLogWriter.framed(WandBRecords.record(number, kind, message).bytes, at: bytes.count)
    }
    try AtomicFile.write(bytes, to: file, overwrite: true)
    log = try LevelDBLogWriter(file, keeping: bytes.count)
    (lastStep, earlierSeconds) = (before.lastStep, before.seconds)
    // `wandb sync` must upload it again.
    unlink(file.path + ".synced")
    Self.link(folder, as: root.appendingPathComponent("latest-run"))
  }

  /// Adds values to a step's row, and a video of its evaluation, which is copied to the run's files.
  mutating func write(_ values: Metrics, step: Int, video: URL? = nil) throws {
    if let pending, pending.step != step { try flush() }
    var row = pending?.values ?? [:]
    row.merge(values.mapValues(JSON.number)) { $1 }
    if let video, let (path, video) = keep(video, step: step) {
      try append(.files, WandBRecords.files([path]))
      row["eval/video"] = video
    }
    pending = (step, row)
  }

  /// Copies a video to the path that the service expects; a missing video is skipped.
  private func keep(_ video: URL, step: Int) -> (path: String, video: JSON)? {
    guard let file = try? MappedFile(video) else { return nil }
    let hash = file.sha256
    let path = "media/videos/eval/video_\(step)_\(hash.prefix(20)).mp4"
    let copy = folder.appendingPathComponent("files").appendingPathComponent(path)
    do {
      try FileManager.default.createDirectory(at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
      try AtomicFile.write(file.contents, to: copy, overwrite: true)
    } catch {
      return nil
    }
    return (
      path, ["_type": "video-file", "sha256": .string(hash), "size": .integer(file.count), "path": .string(path)]
    )
  }

  /// Writes the last row and the exit code.
  mutating func finish(exitCode: Int) throws {
    try flush()
    try append(.exit, WandBRecords.exit(code: exitCode, seconds: seconds))
  }

  private mutating func flush() throws {
    guard let (step, values) = pending else { return }
    pending = nil
    var items = values
    items["_timestamp"] = .number(now().timeIntervalSince1970)
    items["_runtime"] = .number(seconds)
    items["_step"] = .integer(step)
    try append(.summary, WandBRecords.items(items))
    try append(
      .history,
      ProtocolBuffer {
        $0.append(WandBRecords.items(items))
        $0.add(WandBField.HistoryRecord.step, ProtocolBuffer { $0.add(WandBField.HistoryStep.num, step) })
      })
    lastStep = step
  }

  private var seconds: Double { earlierSeconds + begin.duration(to: .now) / .seconds(1) }

  private mutating func append(_ kind: WandBRecords.Kind, _ message: ProtocolBuffer) throws {
    number += 1
    try log.append(WandBRecords.record(number, kind, message).bytes)
  }

  /// The newest folder of a run.
  private static func folder(of runID: String, in root: URL) -> URL? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []
    return names.filter { $0.hasPrefix("offline-run-") && $0.hasSuffix("-\(runID)") }.max()
      .map { root.appendingPathComponent($0) }
  }

  /// Creates the link that the `wandb` package, and LeRobot to find a run's identifier, expect; failures are ignored.
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
  /// An earlier session's rows before a step, with their summaries and files.
  private struct History {
    var records: [(WandBRecords.Kind, ProtocolBuffer)] = []
    var lastStep: Int?
    var start: Date?
    var seconds = 0.0

    init() {}

    init(_ url: URL, before step: Int) {
      guard let bytes = try? MappedFile(url).contents else { return }
      // A row's summary and files come before it, and are kept only with it.
      var companions: [(WandBRecords.Kind, ProtocolBuffer)] = []
      for (content, _) in LevelDBLogWriter.records(in: bytes) {
        guard let record = ProtocolBufferFields(content[...]) else { return }
        func message(_ kind: WandBRecords.Kind) -> ArraySlice<UInt8>? { record.contents(kind.rawValue).last }
        if let run = message(.run).flatMap(ProtocolBufferFields.init) {
          start = WandBRecords.start(of: run)
        } else if let summary = message(.summary) {
          companions.append((.summary, ProtocolBuffer(summary)))
        } else if let files = message(.files) {
          companions.append((.files, ProtocolBuffer(files)))
        } else if let content = message(.history) {
          guard let row = ProtocolBufferFields(content),
            let rowStep = row.message(WandBField.HistoryRecord.step)?.integer(WandBField.HistoryStep.num),
            rowStep < step, rowStep > lastStep ?? -1
          else { return }
          records += companions + [(.history, ProtocolBuffer(content))]
          (companions, lastStep) = ([], rowStep)
          seconds = WandBRecords.number("_runtime", in: row) ?? seconds
        }
      }
    }
  }
}
