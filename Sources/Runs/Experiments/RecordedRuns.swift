import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// All runs below a root folder.
public struct RecordedRuns: Sendable {
  /// What cannot be read, and why: nothing is concluded about it.
  struct Damaged: Sendable {
    /// The folder's name, and the arm; nil for the random policy.
    let name: String, experiment: String?
    let reason: any Error

    var text: String { "\(name) is left out: \(message(of: reason))" }
  }

  let runs: [RecordedRun]
  /// What the arms are for.
  let roles: ArmRoles
  let random: RecordedEvaluation?
  let damaged: [Damaged]

  /// Reads the runs that a folder holds.
  ///
  /// - Throws: if there is none, or none that can be read.
  public init(_ root: URL, hashes: FileHashes = FileHashes()) throws {
    var (runs, damaged): ([RecordedRun], [Damaged]) = ([], [])
    for name in try names(in: root) {
      guard let (experiment, seed) = RecordedRun.parts(of: name) else { continue }
      do {
        let folder = root.appendingPathComponent(name)
        runs.append(try RecordedRun(folder, experiment: experiment, seed: seed, hashes: hashes))
      } catch { damaged.append(Damaged(name: name, experiment: experiment, reason: error)) }
    }
    if runs.isEmpty, let first = damaged.first { throw first.reason }
    guard !runs.isEmpty else {
      throw Failure(
        "\(root.path): expected folders of training runs such as E0_seed0, found none; name the folder that the "
          + "experiments were written to")
    }
    roles = try MatrixPlan.roles(root)
    let matrix = root.appendingPathComponent("matrix.json")
    if matrix.isThere {
      let plan = try JSON(contentsOf: matrix)
      for index in runs.indices { runs[index].check(against: plan) }
    }
    self.runs = runs.sorted { ($0.experiment, $0.seed) < ($1.experiment, $1.seed) }
    let url = root.appendingPathComponent("random/eval_info.json")
    let arm = self.runs.lazy.compactMap { $0.evaluations["eval"] }.first
    let random = Result { url.isThere ? try RecordedEvaluation(url).asChance(for: arm) : nil }
    if case .failure(let error) = random { damaged.append(Damaged(name: "random", experiment: nil, reason: error)) }
    self.random = try? random.get()
    self.damaged = damaged
  }

  var experiments: [String] { runs.map(\.experiment).reduce(into: []) { if $0.last != $1 { $0.append($1) } } }

  /// An arm's runs, by seed.
  ///
  /// - Parameter seeds: only these; nil for all.
  func runs(of experiment: String, seeds: Set<Int>? = nil) -> [RecordedRun] {
    runs.filter { $0.experiment == experiment && seeds?.contains($0.seed) != false }
  }

  /// Refuses names of entries that no run has recorded, such as misspelled ones.
  func requireEntries(_ names: [String]) throws {
    let records = runs.flatMap { run in run.segments + [run.evaluations["eval"]?.manifest].compactMap(\.self) }
    if let unknown = names.first(where: { name in !records.contains { RecordDifferences.has(name, in: $0) } }) {
      throw Failure(
        "`allow_differences=\(unknown)`: no run records an entry of that name; give a name as the refusal "
          + "prints it")
    }
  }

  /// Everything missing from the report of the planned arms.
  func missing(of planned: [String]) -> [String] {
    var missing = planned.filter { arm in !(runs.map(\.experiment) + damaged.map(\.experiment)).contains(arm) }.map {
      "\($0)_seedN: no run of experiment \($0)"
    }
    missing += runs.flatMap(\.missing)
    let baseline = runs(of: roles.baseline)
    if !baseline.isEmpty, !baseline.contains(where: \.testsInstruction) {
      missing.append(
        "\(roles.baseline)_seedN/eval/ablations: whether the policy follows the instruction was not tested (`ablate`)")
    }
    if random == nil, !damaged.contains(where: { $0.name == "random" }) {
      missing.append(
        "random/eval_info.json: the success rate of chance is not known; evaluate with `eval.planner=random` into that folder"
      )
    }
    return missing
  }

  /// Reasons to doubt the results.
  var warnings: [String] {
    let evaluations =
      runs.flatMap { run in run.evaluations.sorted { $0.key < $1.key }.map { ("\(run.name)/\($0)", $1) } }
      + [random.map { ("random", $0) }].compactMap(\.self)
    return damaged.map(\.text) + runs.flatMap(\.warnings)
      + evaluations.flatMap { name, evaluation in evaluation.warnings(name) }
  }
}

extension RecordedEvaluation {
  /// Refuses an evaluation of random actions elsewhere than where the policies were evaluated.
  fileprivate func asChance(for evaluation: RecordedEvaluation?) throws -> RecordedEvaluation {
    guard isUnchanged else {
      throw Failure("\(url.path) was edited after the evaluation; restore it, or evaluate again")
    }
    // LeRobot's own files have no protocol, and number their tasks.
    guard let evaluation, manifest != .null else { return self }
    let differences = RecordDifferences.between(
      place, evaluation.place, ignoring: IncidentalEntries.ofEvaluation + ["env.image_size"])
    guard let difference = differences.first else { return self }
    throw Failure(
      "it is not the rate of chance there: \(difference.text("of random actions", "of policies")); evaluate with "
        + "`eval.planner=random` as the policies were")
  }

  /// What a rate of chance depends on.
  private var place: JSON {
    let recorded = ["env", "tasks", "init_states"].compactMap { name in manifest[name].map { (name, $0) } }
    return .object(
      OrderedDictionary(uniqueKeysWithValues: recorded + [("task names", .array(tasks.map(JSON.string)))]))
  }

  fileprivate func warnings(_ name: String) -> [String] {
    var warnings: [String] = []
    let broken = episodes.filter { $0.problem != nil }
    if let problem = broken.first?.problem {
      warnings.append(
        "\(name): \(broken.count) of \(episodes.count) episodes ended with an error and count as failures, the first with: "
          + problem)
    }
    if let dropped = setting("dropped_memories")?.integer, dropped > 0 {
      warnings.append(
        "\(name): \(dropped) memories were not finite and were not used, so these episodes are partly without memory.")
    }
    if let steps = setting("n_action_steps")?.integer, steps > 1, steps == setting("chunk_size")?.integer {
      warnings.append(
        "\(name): action chunks were executed to the end (n_action_steps = chunk_size = \(steps)); re-planning earlier often "
          + "succeeds more.")
    }
    return warnings
  }
}

/// The names of a folder's entries, sorted.
func names(in folder: URL) throws -> [String] {
  do { return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() } catch {
    guard folder.isThere else { throw Failure("\(folder.path): the folder does not exist") }
    throw Failure("\(folder.path): cannot be listed; it is not a readable folder")
  }
}
