import Experiments
import Failures
import Foundation
import ModelFiles
import OrderedCollections
import PolicyEvaluation

/// `episodes.jsonl` of an evaluation: its protocol, then the result of each episode as it ends, so that an evaluation that
/// was killed can be resumed.
final class EpisodeLog {
  static let fileName = "episodes.jsonl"
  private static let dropped = "dropped_memories", rendered = "renderer"
  /// The results of episodes that an earlier start finished.
  let finished: [EpisodeResult]
  /// The memories that earlier starts dropped.
  let droppedMemories: Int
  /// What earlier starts drew with; nil where none ended an episode.
  let renderer: JSON?
  private var written: Int
  private let file: FileHandle
  private let url: URL

  /// Starts the log of an evaluation, or continues it.
  ///
  /// - Parameter keepsEpisodes: whether episodes that ended stay when an evaluation is resumed; if not, all are run again.
  /// - Throws: if an evaluation that is to be resumed has another protocol, with both values.
  init(_ folder: URL, protocol manifest: JSON, resumes: Bool, keepsEpisodes: Bool = true) throws {
    url = folder.appendingPathComponent(Self.fileName)
    var lines = try resumes ? Self.lines(of: url) : []
    if resumes, let earlier = lines.first?["protocol"] {
      try Self.requireSame(earlier, manifest, in: folder)
      droppedMemories = keepsEpisodes ? lines.compactMap { $0[Self.dropped]?.integer }.max() ?? 0 : 0
      renderer = lines.compactMap { $0[Self.rendered] }.last
      // Episodes that ended with an error are run again.
      lines = [lines[0]] + lines.dropFirst().filter { keepsEpisodes && $0["problem"] == .null }
      finished = try lines.dropFirst().map { [url] in try Self.result($0, in: url) }
    } else {
      lines = [["protocol": manifest]]
      (finished, droppedMemories, renderer) = ([], 0, nil)
    }
    guard Set(finished.map { "\($0.task) \($0.episode)" }).count == finished.count else {
      throw Failure("\(url.path) holds an episode twice; evaluate again without `resume`")
    }
    written = finished.count
    AtomicFile.removeLeftovers(in: folder)
    // Rewritten, so that a line that a crash cut off is gone.
    try AtomicFile.write(Array(lines.map { Self.signed($0) }.joined().utf8), to: url, overwrite: true)
    file = try FileHandle(forWritingTo: url)
    try file.seekToEnd()
  }

  deinit { try? file.close() }

  /// Prepares a folder for an evaluation that resumes what is there, if it is the same, and else starts over; then what is
  /// there is kept in the folder `replaced` beside it.
  ///
  /// - Returns: whether there is something to resume.
  static func takeOver(_ folder: URL, for manifest: JSON) throws -> Bool {
    AtomicFile.removeLeftovers(in: folder)
    if !contents(ofOutput: folder).isEmpty {
      let earlier = Result { try lines(of: folder.appendingPathComponent(fileName)) }
      var reason = "it is damaged, or without \(fileName)"
      if MatrixRun.isEdited(folder.appendingPathComponent("eval_info.json")) {
        reason = "its eval_info.json was edited after the evaluation"
      } else if case .success(let lines) = earlier {
        guard let other = lines.first?["protocol"].flatMap({ difference($0, manifest) }) else { return true }
        reason = other.text("there", "now")
      }
      let target = try setAside(folder)
      say("\(folder.path) cannot be resumed (\(reason)); it is kept in \(target.path), and the evaluation starts over")
    }
    _ = try prepareOutput(folder.path, of: .evaluation, overwrite: false)
    return false
  }

  /// The first entry of the protocol in which an evaluation differs from an earlier one that it would resume.
  private static func difference(_ earlier: JSON, _ manifest: JSON) -> RecordDifference? {
    RecordDifferences.between(earlier, manifest, ignoring: IncidentalEntries.ofResumedEvaluation(manifest)).first
  }

  /// Refuses another evaluation than the one that a folder holds, with the first entry of the protocol that differs.
  static func requireSame(_ earlier: JSON, _ manifest: JSON, in folder: URL) throws {
    guard let difference = difference(earlier, manifest) else { return }
    throw Failure(
      "\(folder.path) holds another evaluation: \(difference.text("there", "now")); use its settings, or another folder"
    )
  }

  /// Appends the results that are new.
  ///
  /// - Parameters:
  ///   - results: all so far, in the order in which episodes ended.
  ///   - manifest: the protocol so far, with what a later start could not know: the renderer, dropped memories.
  func append(_ results: [EpisodeResult], manifest: () -> JSON) {
    for result in results.dropFirst(written) {
      var line = Self.json(result, below: url)
      let manifest = manifest()
      if let dropped = manifest[Self.dropped]?.integer { line[Self.dropped] = .integer(droppedMemories + dropped) }
      line[Self.rendered] = manifest[Self.rendered]
      // A full disk costs the chance to resume, not the evaluation.
      try? file.write(contentsOf: Data(Self.signed(.object(line)).utf8))
    }
    written = max(written, results.count)
  }

  /// Fails if the evaluation's folder was removed meanwhile, and with it what had been written.
  func requireInPlace() throws { try ModelFiles.requireInPlace(file.fileDescriptor, url.path) }

  /// The lines of a log, without a last one that was cut off.
  private static func lines(of url: URL) throws -> [JSON] {
    guard FileManager.default.fileExists(atPath: url.path) else {
      throw Failure("\(url.path) does not exist, so there is no evaluation to resume; start without `resume`")
    }
    let text = try MappedFile(url).text
    let lines = text.split(separator: "\n", omittingEmptySubsequences: true)
    return try lines.enumerated().compactMap { index, line in
      if index == lines.count - 1, !text.hasSuffix("\n") { return nil }
      let json = try? JSON(parsing: String(line))
      guard let json, var members = json.object, let digest = members.removeValue(forKey: "sha256"),
        digest.string == sha256(of: JSON.object(members).text(.compact))
      else {
        throw Failure("\(url.path), line \(index + 1), was edited or is damaged; evaluate again without `resume`")
      }
      return .object(members)
    }
  }

  /// A line of the log, with its digest.
  private static func signed(_ json: JSON) -> String {
    var members = json.object ?? [:]
    members["sha256"] = .string(sha256(of: json.text(.compact)))
    return JSON.object(members).text(.compact) + "\n"
  }

  private static func json(_ result: EpisodeResult, below url: URL) -> OrderedDictionary<String, JSON> {
    let folder = url.deletingLastPathComponent().path + "/"
    return [
      "task": .string(result.task), "episode": .integer(result.episode), "instruction": .string(result.instruction),
      "success": .bool(result.success), "steps": .integer(result.steps), "sum_reward": .number(result.rewardSum),
      "max_reward": .number(result.rewardMaximum), "problem": result.problem.map(JSON.string) ?? .null,
      "video": result.video.map { .string($0.path.replacingOccurrences(of: folder, with: "")) } ?? .null,
    ]
  }

  private static func result(_ json: JSON, in url: URL) throws -> EpisodeResult {
    guard let task = json["task"]?.string, let episode = json["episode"]?.integer, let success = json["success"]?.bool,
      let steps = json["steps"]?.integer, let sum = json["sum_reward"]?.double, let most = json["max_reward"]?.double,
      let instruction = json["instruction"]?.string
    else { throw Failure("\(url.path): expected an episode's result, found \(json.text(.line))") }
    var result = EpisodeResult(task: task, episode: episode, problem: json["problem"]?.string)
    (result.success, result.steps, result.instruction) = (success, steps, instruction)
    (result.rewardSum, result.rewardMaximum) = (sum, most)
    result.video = try json["video"]?.string.map { try contained($0, in: url.deletingLastPathComponent()) }
    return result
  }
}
