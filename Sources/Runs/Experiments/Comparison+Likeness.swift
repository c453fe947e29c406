import Failures
import ModelFiles

/// What must be alike before outcomes are compared.
extension Comparison {
  /// Refuses copies of a run, which would count as independent.
  static func requireDifferentCheckpoints(_ runs: [RecordedRun]) throws {
    var names: [String: String] = [:]
    for run in runs {
      guard let hash = run.evaluations["eval"]?.setting("model_sha256")?.string else { continue }
      if let known = names[hash] { throw Failure(RecordedRuns.sameCheckpoint(known, run.name)) }
      names[hash] = run.name
    }
  }

  /// Refuses an arm whose seeds were trained or evaluated differently.
  static func requireOneMethod(
    _ runs: [RecordedRun], _ evaluations: [RecordedEvaluation], _ allowed: [String]
  ) throws {
    guard let first = runs.first, let evaluation = evaluations.first else { return }
    for (run, other) in zip(runs, evaluations).dropFirst() {
      try requireAlike(evaluation, other, first.name, run.name, except: allowed)
      try requireTrainedAlike(first, run, except: ["seed"] + allowed)
    }
  }

  /// The two runs' evaluations, if they were trained on as many samples and evaluated on the same episodes.
  static func matched(
    _ one: RecordedRun, _ other: RecordedRun, _ allowed: [String]
  ) throws -> (RecordedEvaluation, RecordedEvaluation) {
    let (first, second) = (try one.wholeEvaluation(), try other.wholeEvaluation())
    if let samples = one.samples, let others = other.samples, samples != others {
      throw Failure(
        "sample budgets differ: \(one.name) saw \(samples) samples, \(other.name) saw \(others); train both on as many")
    }
    let except = IncidentalEntries.ofArms + allowed
    // Another training shows in the files of its checkpoint, so the cause is looked for first.
    try requireTrainedAlike(one, other, except: except)
    try requireAlike(first, second, one.name, other.name, except: except)
    try one.requireTrainedRollout(first, allowing: allowed)
    try other.requireTrainedRollout(second, allowing: allowed)
    return (first, second)
  }

  private static func requireTrainedAlike(_ one: RecordedRun, _ other: RecordedRun, except: [String]) throws {
    guard one.segments.isEmpty == other.segments.isEmpty else {
      let lacking = one.segments.isEmpty ? one.name : other.name
      throw Failure(
        "\(lacking) has no training_record.json, so how it was trained cannot be compared; restore the file, or train the "
          + "run again")
    }
    guard one.segments.count == other.segments.count else {
      let resumed = one.segments.count > other.segments.count ? one : other
      throw Failure(
        "\(resumed.name) was resumed with other settings and the other run was not: \(resumed.changesOnResume[0]); train it "
          + "again in one piece")
    }
    for (record, theirs) in zip(one.segments, other.segments) {
      let differences = RecordDifferences.between(record, theirs, ignoring: IncidentalEntries.ofTraining + except)
      if let failure = RecordDifferences.failure(differences, one.name, other.name) {
        throw Failure("they were not trained alike: \(failure)")
      }
    }
  }

  private static func requireAlike(
    _ first: RecordedEvaluation, _ second: RecordedEvaluation, _ firstName: String, _ secondName: String,
    except allowed: [String]
  ) throws {
    guard first.tasks == second.tasks else {
      throw Failure(
        "tasks differ: \(firstName) was evaluated on \(first.tasks.listed), \(secondName) on \(second.tasks.listed); "
          + "evaluate both on the same tasks")
    }
    for task in first.tasks {
      let counts = (first.rate(ofTask: task).episodes, second.rate(ofTask: task).episodes)
      guard counts.0 == counts.1 else {
        throw Failure(
          "episode counts differ: \(firstName) has \(counts.0) of \(task), \(secondName) has \(counts.1); evaluate both in "
            + "as many episodes")
      }
    }
    for key in ["seed", "n_action_steps"] {
      let name = key == "seed" ? "evaluation seed" : key
      guard let one = first.setting(key), let other = second.setting(key) else {
        let missing = first.setting(key) == nil ? firstName : secondName
        throw Failure(
          "the \(name) of \(missing) is not recorded in its protocol, so it cannot be compared; evaluate it again")
      }
      guard one == other else {
        throw Failure(
          "\(name) differs: \(one.plain) in \(firstName), \(other.plain) in \(secondName); evaluate both with the same")
      }
    }
    for (evaluation, name) in [(first, firstName), (second, secondName)] where !allowed.contains("ablation") {
      guard let ablation = evaluation.ablation else { continue }
      throw Failure(
        "\(name) was evaluated under the ablation \(ablation), which says nothing about the method; evaluate it without "
          + "(`ablate` compares the conditions of one checkpoint)")
    }
    for (one, other) in zip(first.episodes, second.episodes) where one.instruction != other.instruction {
      func shown(_ text: String?) -> String { text.map { "\"\($0)\"" } ?? "not recorded" }
      throw Failure(
        "instructions differ: episode \(one.index) of \(one.task) was \(shown(one.instruction)) in \(firstName), "
          + "\(shown(other.instruction)) in \(secondName); evaluate both on the same tasks")
    }
    let differences = RecordDifferences.between(
      first.manifest, second.manifest, ignoring: IncidentalEntries.ofEvaluation + allowed)
    if let failure = RecordDifferences.failure(differences, firstName, secondName) {
      throw Failure("they were not evaluated alike: \(failure)")
    }
  }
}
