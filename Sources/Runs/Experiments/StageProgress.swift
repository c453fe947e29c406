import Foundation
import ModelFiles
import PolicyEvaluation

/// How much of a stage is done, as its files show.
struct StageProgress: Sendable {
  let stage: Stage
  /// Steps or episodes that are done.
  let done: Int
  /// Whether all is done.
  let isComplete: Bool
  /// Seconds of a step or an episode; nil while none has been measured.
  let secondsPerUnit: Double?

  init(_ stage: Stage, in root: URL) {
    self.stage = stage
    let run = MatrixRun(root.appendingPathComponent(stage.subject))
    let folder = stage.product.deletingLastPathComponent()
    switch stage.kind {
    case .training:
      isComplete = (run.checkpointStep ?? 0) >= stage.work
      done = isComplete ? stage.work : min(max(0, run.loggedStep), stage.work)
      secondsPerUnit = run.secondsPerStep
    case .evaluation, .chance:
      isComplete = MatrixRun.isWhole(stage.product)
      done = isComplete ? stage.work : min(MatrixRun.episodes(folder).count, stage.work)
      secondsPerUnit = MatrixRun.secondsPerEpisode(folder)
    case .ablations:
      isComplete = stage.product.isThere
      let conditions = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).map {
        folder.appendingPathComponent($0)
      }
      let episodes = conditions.reduce(0) { $0 + MatrixRun.episodes($1).count }
      done = isComplete ? stage.work : min(episodes, stage.work)
      secondsPerUnit = conditions.lazy.compactMap(MatrixRun.secondsPerEpisode).first
    case .latents, .report:
      isComplete = stage.product.isThere
      done = 0
      secondsPerUnit = nil
    }
  }

  var remaining: Int { max(0, stage.work - done) }

  /// Whether a killed process left a part of it.
  var isBegun: Bool { !isComplete && done > 0 }
}

/// How long what remains takes, by the rates that are measured.
public struct RemainingWork: Sendable {
  /// Steps or episodes that remain of a kind of stage, and their seconds; no seconds where no rate is known yet.
  public struct Part: Sendable {
    public let kind: Stage.Kind
    /// `steps` or `episodes`
    public let unit: String
    public let stages: Int, units: Int
    public let seconds: Double?
  }

  public let parts: [Part]
  /// The seconds of each subject, those without a known rate left out.
  let secondsBySubject: [String: Double]

  /// What remains of stages whose results are in `root`.
  public init(_ stages: [Stage], in root: URL) {
    self.init(stages.map { StageProgress($0, in: root) })
  }

  init(_ progress: [StageProgress]) {
    let rates = Rates(progress)
    var bySubject: [String: Double] = [:]
    parts = Stage.Kind.allCases.compactMap { kind in
      guard let unit = kind.unit else { return nil }
      let remaining = progress.filter { $0.stage.kind == kind && !$0.isComplete && $0.remaining > 0 }
      guard !remaining.isEmpty else { return nil }
      let seconds = remaining.map { piece in rates.rate(of: piece.stage).map { $0 * Double(piece.remaining) } }
      for (piece, time) in zip(remaining, seconds) { bySubject[piece.stage.subject, default: 0] += time ?? 0 }
      let known = seconds.compactMap(\.self)
      return Part(
        kind: kind, unit: unit, stages: remaining.count, units: remaining.reduce(0) { $0 + $1.remaining },
        seconds: known.count == seconds.count ? known.reduce(0, +) : nil)
    }
    secondsBySubject = bySubject
  }

  /// The seconds of everything on one GPU, as far as rates are known.
  public var seconds: Double { secondsBySubject.values.reduce(0, +) }

  /// Whether the rate of some part is not known yet, so that it takes longer than is said.
  public var lacksRates: Bool { parts.contains { $0.seconds == nil } }

  /// The seconds until the last of `count` places is done, with the subjects placed as ``StageRunner`` does.
  public func seconds(_ stages: [Stage], places count: Int) -> Double {
    let places = stages.places(count)
    var loads: [Int: Double] = [:]
    for (subject, time) in secondsBySubject { loads[places[subject] ?? 0, default: 0] += time }
    return loads.values.max() ?? 0
  }

  /// A time in words; nil if no rate is known.
  public func text(_ seconds: Double) -> String? {
    lacksRates ? seconds > 0 ? "at least \(formattedDuration(seconds))" : nil : formattedDuration(seconds)
  }
}

/// Seconds of a step or an episode: a run's own where it has been measured, else the mean of its arm's, else of all.
private struct Rates {
  private var own: [String: Double] = [:]
  private var byArm: [String: [Double]] = [:]

  init(_ progress: [StageProgress]) {
    for piece in progress {
      guard let rate = piece.secondsPerUnit else { continue }
      own[piece.stage.name] = rate
      for key in Self.keys(piece.stage) { byArm[key, default: []].append(rate) }
    }
  }

  /// An episode of an ablation, or of chance, is taken to last as long as an evaluation's.
  private static func keys(_ stage: Stage) -> [String] {
    let kind = stage.kind == .training ? stage.kind : Stage.Kind.evaluation
    return ["\(kind) \(stage.subject.components(separatedBy: "_seed")[0])", kind.rawValue]
  }

  func rate(of stage: Stage) -> Double? {
    if let rate = own[stage.name] { return rate }
    guard let rates = Self.keys(stage).lazy.compactMap({ byArm[$0] }).first else { return nil }
    return rates.reduce(0, +) / Double(rates.count)
  }
}
