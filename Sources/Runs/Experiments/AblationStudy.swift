import ExperimentStatistics
import Failures
import Foundation
import ModelFiles
import PolicyEvaluation

/// What one checkpoint loses under each ablation, compared with its rollout without any on the same episodes.
///
/// It is about this checkpoint: another training run of the same method may use other things.
public struct AblationStudy: Sendable {
  /// One ablation's rollout.
  struct Condition: Sendable {
    /// As the protocol has it, such as `garbled_instruction`.
    let name: String
    let evaluation: RecordedEvaluation
    /// The paired episodes, the ablated rollout first, or why they are not compared.
    let result: Result<PairedSuccesses, any Error>
    /// Episodes that ended with another outcome or after another number of steps.
    let changedEpisodes: Int
    /// Holm's adjusted McNemar p over the study's conditions; nil without a comparison.
    fileprivate(set) var adjustedP: Double?
  }

  let unablated: RecordedEvaluation
  /// Memories first, then instructions, images and the state.
  let conditions: [Condition]

  /// The folder of an evaluation's ablations, one folder for each.
  public static func folder(of evaluation: URL) -> URL { evaluation.appendingPathComponent("ablations") }

  /// Whether an `eval_info.json` holds all episodes that were asked for, none of which broke off.
  ///
  /// - Throws: if the file was edited.
  public static func isWholeEvaluation(_ file: URL) throws -> Bool {
    let evaluation = try RecordedEvaluation(file)
    if !evaluation.isUnchanged { try evaluation.requireWhole(file.path) }
    return (try? evaluation.requireWhole(file.path)) != nil
  }

  /// Reads the study of an evaluation's folder.
  ///
  /// - Throws: if there is no evaluation without ablation, or a file is damaged.
  public init(of folder: URL) throws {
    try self.init(RecordedEvaluation(folder.appendingPathComponent("eval_info.json")))
  }

  init(_ unablated: RecordedEvaluation) throws {
    self.unablated = unablated
    let folder = Self.folder(of: unablated.url.deletingLastPathComponent())
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    var conditions: [Condition] = []
    for name in names.sorted(by: { AblationText.rank(of: $0) < AblationText.rank(of: $1) }) {
      let file = folder.appendingPathComponent("\(name)/eval_info.json")
      guard file.isThere else { continue }
      let evaluation = try RecordedEvaluation(file)
      let result = Result { try Self.paired(evaluation, name, with: unablated) }
      let changed = zip(evaluation.episodes, unablated.episodes).count {
        ($0.isSuccess, $0.steps) != ($1.isSuccess, $1.steps)
      }
      conditions.append(Condition(name: name, evaluation: evaluation, result: result, changedEpisodes: changed))
    }
    let compared = conditions.indices.filter { (try? conditions[$0].result.get()) != nil }
    let adjusted = holm(compared.compactMap { try? conditions[$0].result.get().p })
    for (index, p) in zip(compared, adjusted) { conditions[index].adjustedP = p }
    self.conditions = conditions
  }

  /// Whether every condition could be compared.
  public var isComplete: Bool { conditions.allSatisfy { $0.adjustedP != nil } }

  private static func paired(
    _ ablated: RecordedEvaluation, _ name: String, with unablated: RecordedEvaluation
  ) throws -> PairedSuccesses {
    try unablated.requireWhole("the rollout without ablation")
    try ablated.requireWhole("the rollout under \(name)")
    if let other = unablated.ablation {
      throw Failure("\(unablated.url.path) is itself an ablation, \(other); evaluate without any first")
    }
    guard ablated.ablation == name else {
      throw Failure(
        "\(ablated.url.path) is of the ablation \(ablated.ablation ?? "none"), not of \(name) as its folder says")
    }
    let places = (ablated.episodes, unablated.episodes)
    guard ablated.tasks == unablated.tasks, places.0.count == places.1.count,
      zip(places.0, places.1).allSatisfy({ ($0.task, $0.index) == ($1.task, $1.index) })
    else { throw Failure("\(ablated.url.path) is of other episodes than the rollout without ablation; run it again") }
    let differences = RecordDifferences.between(
      unablated.manifest, ablated.manifest, ignoring: RecordDifferences.incidentalToAblations)
    if let difference = differences.first {
      throw Failure(
        "they were not evaluated alike: \(difference.text("without ablation", "with it")); run it again")
    }
    return PairedSuccesses(zip(places.0, places.1).map { ($0.isSuccess, $1.isSuccess) })
  }
}

extension RecordDifferences {
  /// Entries of the protocols in which the rollouts of one checkpoint may differ; the weights are not among them.
  fileprivate static let incidentalToAblations = [
    "command_line", "working_directory", "date", "variables", "batch_size", "compute_threads", "policy_path",
    "dropped_memories", "ablation", "world_memory_mode_rollout", "world.world_memory_mode_rollout", "sha256.encoder",
  ]
}

extension RecordedEvaluation {
  /// What was withheld from the policy; nil for nothing.
  var ablation: String? {
    if let name = manifest["ablation"]?.string { return name == "none" ? nil : name }
    // Evaluations of earlier versions.
    return setting("contrary_instruction")?.bool == true ? "contrary_instruction" : nil
  }
}
