import ExperimentStatistics
import Failures
import Foundation
import ModelFiles

/// The state of a run's folder, as the matrix needs it.
public struct MatrixRun: Sendable {
  /// `OUTPUT_ROOT/E0_seed0`
  public let url: URL
  private let hashes = FileHashes()

  /// A run's folder, which need not exist.
  public init(_ url: URL) { self.url = url }

  public var isThere: Bool { url.isThere }

  /// The newest checkpoint that is whole; nil without one.
  public var checkpoint: URL? { LastCheckpoint.folder(in: url.appendingPathComponent("checkpoints")) }

  /// The step of the newest checkpoint; nil without one.
  public var checkpointStep: Int? { checkpoint.flatMap(LastCheckpoint.step) }

  /// Whether it holds anything that a training does not leave before its first checkpoint is whole.
  public var holdsMoreThanAStart: Bool {
    func names(_ folder: URL) -> [String] {
      ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).filter { !AtomicFile.isLeftover($0) }
    }
    let logs = [FolderLock.fileName, "metrics.jsonl", "tensorboard", "wandb"]
    return names(url).contains { name in
      let inside = names(url.appendingPathComponent(name))
      switch name {
      case "checkpoints": return !inside.isEmpty
      case "eval": return !inside.allSatisfy { $0.hasPrefix("videos_step_") }
      default: return !logs.contains(name)
      }
    }
  }

  /// The last step that was logged; 0 without one.
  public var loggedStep: Int { lastLine?["step"]?.integer ?? 0 }

  /// The seconds of an update and of waiting for its data, from the last line that was logged; nil without one.
  public var secondsPerStep: Double? {
    lastLine?["update_s"]?.double.map { $0 + (lastLine?["dataloading_s"]?.double ?? 0) }
  }

  private var lastLine: JSON? {
    let lines = tail(of: url.appendingPathComponent("metrics.jsonl"), bytes: 4096)?.split(separator: "\n") ?? []
    return lines.reversed().lazy.compactMap { line in
      (try? JSON(parsing: String(line))).flatMap { $0["step"]?.integer == nil ? nil : $0 }
    }.first
  }

  /// Whether there is an evaluation with every episode that it asked for; one that was stopped has fewer, and one whose
  /// episodes broke off is made again.
  public var isEvaluated: Bool { Self.isWhole(evaluationFile) }

  /// Whether the evaluation is of other weights than those of the last checkpoint, which was trained since.
  public func isEvaluationOfOtherWeights() throws -> Bool {
    let weights = checkpoint.map { PolicyWeightsFile.url(in: $0.appendingPathComponent("pretrained_model")) }
    guard let weights, weights.isThere,
      let recorded = try RecordedEvaluation(evaluationFile).setting("model_sha256")?.string
    else { return false }
    return try hashes.sha256(of: weights) != recorded
  }

  /// Whether an `eval_info.json` has every episode that was asked for.
  public static func isWhole(_ file: URL) -> Bool {
    (try? RecordedEvaluation(file).requireWhole(file.path)) != nil
  }

  /// Whether an `eval_info.json` is not what its evaluation wrote, so that it counts nowhere.
  public static func isEdited(_ file: URL) -> Bool { (try? RecordedEvaluation(file))?.isUnchanged == false }

  /// Whether the run was rolled out under these ablations, apart from those that it cannot have.
  public func isAblated(_ names: [String]) -> Bool {
    let folder = url.appendingPathComponent("eval/ablations")
    guard let study = try? JSON(contentsOf: folder.appendingPathComponent("ablations.json")),
      (try? AblationStudy(of: url.appendingPathComponent("eval")))?.isComplete == true
    else { return false }
    return names.allSatisfy { name in
      study["left_out"]?[name] != nil || Self.isWhole(folder.appendingPathComponent("\(name)/eval_info.json"))
    }
  }

  private var evaluationFile: URL { url.appendingPathComponent("eval/eval_info.json") }

  /// Checks that the evaluation has the matrix's protocol.
  ///
  /// - Parameters:
  ///   - expected: entries of `eval_info.json`'s `protocol`.
  ///   - tasks: the tasks' names, with their group: `libero_spatial/…`.
  /// - Throws: the first entry that differs, with both values; or a damaged file.
  public func checkEvaluation(_ expected: [(key: String, value: JSON)], tasks: [String]) throws {
    let evaluation: RecordedEvaluation
    if let (experiment, seed) = RecordedRun.parts(of: url.lastPathComponent) {
      let run = try RecordedRun(url, experiment: experiment, seed: seed, hashes: hashes)
      evaluation = try run.wholeEvaluation()
      try run.requireTrainedRollout(evaluation, allowing: [])
    } else {
      evaluation = try RecordedEvaluation(evaluationFile)
    }
    let fix = "delete \(evaluationFile.deletingLastPathComponent().path), or use its settings"
    for (key, value) in expected {
      let found = evaluation.setting(key) ?? .null
      guard found != value else { continue }
      throw Failure("\(evaluationFile.path) has \(key) \(found.text(.line)), the matrix \(value.text(.line)); \(fix)")
    }
    guard Set(evaluation.tasks) == Set(tasks) else {
      throw Failure(
        "\(evaluationFile.path) is of \(evaluation.tasks.joined(separator: ", ")), the matrix asks for "
          + "\(tasks.joined(separator: ", ")); \(fix)")
    }
  }

  /// The success rate so far as text; nil without an episode that came to its end.
  public var successText: String? {
    if isEvaluated, let evaluation = try? RecordedEvaluation(evaluationFile) { return evaluation.rate.text }
    let episodes = Self.episodes(url.appendingPathComponent("eval"))
    return episodes.count > 0
      ? SuccessRate(successes: episodes.successes, episodes: episodes.count).text + " so far" : nil
  }

  /// The episodes that an evaluation's `episodes.jsonl` holds, without those that broke off.
  static func episodes(_ folder: URL) -> (count: Int, successes: Int) {
    guard let bytes = try? fileContents(folder.appendingPathComponent("episodes.jsonl")) else { return (0, 0) }
    // The first line is the protocol; a cut-off last one is no episode.
    let lines = bytes.split(separator: UInt8(ascii: "\n")).dropFirst().compactMap { try? JSON(parsing: Array($0)) }
      .filter {
        $0["problem"]?.string == nil
      }
    return (lines.count, lines.count { $0["success"] == .bool(true) })
  }

  /// The seconds of an episode, as the finished evaluation in a folder says; nil without one.
  static func secondsPerEpisode(_ folder: URL) -> Double? {
    (try? JSON(contentsOf: folder.appendingPathComponent("eval_info.json")))?["overall"]?["eval_ep_s"]?.double
  }
}

/// The end of a file as text; nil if it cannot be read.
func tail(of url: URL, bytes: Int) -> String? {
  (try? fileContents(url, last: bytes)).map { String(decoding: $0, as: UTF8.self) }
}
