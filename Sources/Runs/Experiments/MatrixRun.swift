import Failures
import Foundation
import ModelFiles

/// The state of a run's folder, as the matrix needs it.
public struct MatrixRun: Sendable {
  /// `OUTPUT_ROOT/E0_seed0`
  public let url: URL

  /// A run's folder, which need not exist.
  public init(_ url: URL) { self.url = url }

  public var isThere: Bool { url.isThere }

  /// The step of the newest checkpoint; nil without one.
  public var checkpointStep: Int? {
    let link = url.appendingPathComponent("checkpoints/last").path
    guard let name = try? FileManager.default.destinationOfSymbolicLink(atPath: link) else { return nil }
    return Int(name)
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

  /// Whether there is an evaluation with every episode that it asked for; one that was stopped has fewer.
  public var isEvaluated: Bool {
    guard let evaluation = try? RecordedEvaluation(evaluationFile) else { return false }
    let asked = evaluation.setting("n_episodes")?.integer ?? 0
    return evaluation.tasks.allSatisfy { evaluation.rate(ofTask: $0).episodes >= asked }
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
      let run = try RecordedRun(url, experiment: experiment, seed: seed)
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

  /// The success rate as text; nil without a readable evaluation.
  public var successText: String? { (try? RecordedEvaluation(evaluationFile))?.rate.text }
}

/// A table of the results of all runs.
public func matrixTable(_ jobs: [MatrixJob], _ endings: [MatrixRunner.Ending], root: URL, steps: Int) -> String {
  var rows = [["run", jobs.contains(where: \.isOnCPU) ? "CPU slot" : "GPU", "trained", "success", "this time"]]
  for (job, ending) in zip(jobs, endings) {
    let run = MatrixRun(root.appendingPathComponent(job.name))
    let outcome =
      switch ending {
      case .finished: "finished"
      case .skipped: "existed already"
      case .stopped: "stopped"
      case .failed(let stage, let reason): "\(stage) failed: \(reason)"
      }
    rows.append([
      job.name, job.gpu, "\(run.checkpointStep ?? 0)/\(steps)", run.successText ?? "–", outcome,
    ])
  }
  let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
  return rows.map { row in
    let cells = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
    return cells.joined(separator: "  ").trimmingCharacters(in: .whitespaces)
  }.joined(separator: "\n")
}
