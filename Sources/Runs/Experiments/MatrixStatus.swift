import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// How far the stages of an experiment are, as its folder shows.
public struct MatrixStatus: Sendable {
  /// What a run, a cache or the report is doing.
  enum State: Sendable, Equatable {
    case finished
    case running(Stage.Kind)
    /// It is in the queue of Slurm.
    case queued(Stage.Kind)
    /// Its last process ended with an error.
    case failed(Stage.Kind, String)
    /// Its evaluation is there, and is not what was measured.
    case edited(Stage.Kind)
    /// A part of it is done, and nothing works on it.
    case stopped(Stage.Kind)
    case notStarted
  }

  /// The stages of one subject.
  struct Subject: Sendable {
    let name: String
    let stages: [StageProgress]
    let state: State
  }

  let subjects: [Subject]
  private let root: URL
  private let remaining: RemainingWork
  /// Why Slurm was not asked, so that what it does is not known.
  private let notice: String?

  /// Reads the folder of an experiment.
  ///
  /// - Parameter isQueueAsked: whether Slurm is asked for the jobs that were submitted.
  public init(_ root: URL, isQueueAsked: Bool = true) throws {
    self.root = root
    let progress = try StagePlan.read(root).map { StageProgress($0, in: root) }
    let asked = Result { try isQueueAsked ? SlurmQueue(root).entries : [:] }
    let queue = (try? asked.get()) ?? [:]
    if case .failure(let error) = asked { notice = message(of: error) } else { notice = nil }
    let bySubject = OrderedDictionary(grouping: progress, by: \.stage.subject)
    subjects = bySubject.map { name, stages in
      Subject(name: name, stages: stages, state: Self.state(stages, root, queue))
    }
    remaining = RemainingWork(progress)
  }

  private static func state(
    _ stages: [StageProgress], _ root: URL, _ queue: [String: SlurmQueue.Entry]
  ) -> State {
    func log(_ piece: StageProgress) -> StageLog { StageLog(of: piece.stage, in: root) }
    // A stage may have failed although the results of an earlier start are there.
    guard let next = stages.first(where: { !$0.isComplete || log($0).error != nil }) else { return .finished }
    let (kind, log) = (next.stage.kind, log(next))
    if let entry = queue[next.stage.name] { return entry.isRunning ? .running(kind) : .queued(kind) }
    if log.isHeld { return .running(kind) }
    if let error = log.error { return .failed(kind, error) }
    if MatrixRun.isEdited(next.stage.product) { return .edited(kind) }
    let isBegun = next.isBegun || stages.contains { $0.isComplete || $0.isBegun }
    return isBegun || log.url.isThere ? .stopped(kind) : .notStarted
  }

  /// A line for each subject, then what remains.
  public var lines: [String] {
    var rows = [["run", "trained", "steps/s", "evaluated", "success", "time left", "state"]]
    rows += subjects.map(row)
    let widths = rows[0].indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    let table = rows.map { row in
      zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }.joined(separator: "  ")
        .trimmingCharacters(in: .whitespaces)
    }
    return table + [notice, summary].compactMap(\.self)
  }

  private func row(_ subject: Subject) -> [String] {
    func piece(_ kind: Stage.Kind) -> StageProgress? { subject.stages.first { $0.stage.kind == kind } }
    let training = piece(.training)
    let evaluation = piece(.evaluation) ?? piece(.chance)
    func share(_ piece: StageProgress?) -> String { piece.map { "\($0.done)/\($0.stage.work)" } ?? "–" }
    let rate = training?.secondsPerUnit.map { $0 > 0 ? String(format: "%.2f", 1 / $0) : "–" }
    let folder = root.appendingPathComponent(subject.name)
    let success =
      training == nil
      ? piece(.chance).flatMap { try? RecordedEvaluation($0.stage.product).rate.text } : MatrixRun(folder).successText
    let left = remaining.secondsBySubject[subject.name].map { $0 > 0 ? formattedDuration($0) : "–" }
    return [
      subject.name, share(training), rate ?? "–", share(evaluation), success ?? "–", left ?? "–",
      subject.state.text(training, log: "logs/\(subject.name).log"),
    ]
  }

  /// What remains of everything, and how long the processes that run now need for it.
  private var summary: String {
    let unfinished = subjects.filter { $0.state != .finished }
    guard !unfinished.isEmpty else { return "everything is finished" }
    let running = unfinished.count { if case .running = $0.state { true } else { false } }
    let work = remaining.parts.map { "\(counted($0.units, $0.unit)) of \($0.kind)" }.joined(separator: ", ")
    let time =
      remaining.text(remaining.seconds).map { text in
        "\(text) one after another"
          + (running > 1 ? ", \(formattedDuration(remaining.seconds / Double(running))) as \(running) run now" : "")
      } ?? "for how long is known once a run has logged its rate"
    return "\(running) at work; left: \([work, time].filter { !$0.isEmpty }.joined(separator: "; "))"
  }
}

extension MatrixStatus.State {
  /// The state in words, with what to do about it.
  fileprivate func text(_ training: StageProgress?, log: String) -> String {
    switch self {
    case .finished: "finished"
    case .running(let kind): "\(kind) is running"
    case .queued(let kind): "\(kind) is queued"
    case .failed(let kind, let reason): "\(kind) failed: \(reason); see \(log), and run the same command again"
    case .edited(let kind):
      "\(kind) was edited after it ended and counts nowhere; restore its eval_info.json, or the same command "
        + "evaluates again"
    case .stopped(let kind):
      "\(kind) was stopped or killed\(kind == .training ? " at step \(training?.done ?? 0)" : ""); the same command continues it"
    case .notStarted: "not started"
    }
  }
}
