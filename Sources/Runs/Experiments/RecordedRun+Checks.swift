import Failures
import Foundation
import ModelFiles

extension RecordedRun {
  /// Checks the plain evaluation, and that it is of the last checkpoint.
  func checkedEvaluation(_ hashes: FileHashes) throws -> RecordedEvaluation {
    guard let evaluation = evaluations["eval"] else { throw Failure("\(name) was not evaluated; run `eval` on it") }
    try evaluation.requireWhole(name)
    if let trained = training?["seed"]?.integer, trained != seed {
      throw Failure(
        "\(name) was trained with seed \(trained), so it is not the run that its folder names; rename the folder, or "
          + "train the run")
    }
    let saved = Int(model.resolvingSymlinksInPath().deletingLastPathComponent().lastPathComponent)
    if let saved, let steps = training?["steps"]?.integer, saved < steps {
      throw Failure(
        "\(name) has a checkpoint of step \(saved) of \(steps) only; train it to its end, and evaluate it again")
    }
    if let saved, let evaluated = evaluation.setting("step")?.integer, evaluated != saved {
      throw Failure(
        "\(name) was evaluated at step \(evaluated), and its last checkpoint is of step \(saved); evaluate it again")
    }
    let recordedHashes = evaluation.manifest["sha256"]?.object ?? [:]
    let weights = PolicyWeightsFile.name(in: model)
    // Weights first: where they differ, it is another checkpoint.
    for name in [weights] + recordedHashes.keys.filter({ $0 != weights }) {
      let recorded = name == weights ? evaluation.setting("model_sha256") : recordedHashes[name]
      let file = model.appendingPathComponent(name)
      guard let hash = recorded?.string, file.isThere, try hashes.sha256(of: file) != hash else { continue }
      throw Failure(
        name == weights
          ? "\(self.name) was evaluated with other weights than those of its last checkpoint; evaluate it again"
          : "\(file.path) was changed after the evaluation of \(self.name); restore it, or evaluate the run again")
    }
    return evaluation
  }

  /// Reasons to doubt the run's results.
  var warnings: [String] {
    var warnings: [String] = []
    if metrics?.isCutOff == true {
      warnings.append("\(name)/metrics.jsonl ends in an incomplete line; the run was killed or is still running.")
    }
    if let steps = training?["steps"]?.integer, let last = metrics?.curves["loss"]?.last?.step, last < Double(steps) {
      warnings.append("\(name) was logged up to step \(Int(last)) of \(steps): it did not finish.")
    }
    for (place, evaluation) in places where !evaluation.isUnchanged {
      warnings.append(
        "\(name)/\(place) was edited after the evaluation: it counts nowhere; restore it, or evaluate again.")
    }
    if evaluations["eval"]?.isUnchanged == true, let reason = refusal(of: "eval") {
      warnings.append("\(message(of: reason)); until then its rates are marked as refused.")
    }
    if areFilmsForeign {
      warnings.append(
        "\(name)/\(Self.filmsFolder) is of other weights than \(name)/eval, so its films are not shown; delete the folder, "
          + "and film again.")
    }
    warnings += changesOnResume.map { "\(name) was resumed with other settings: \($0)." }
    if let evaluation = evaluations["eval"], evaluation.setting("model_sha256") != nil, policy != nil,
      !PolicyWeightsFile.url(in: model).isThere
    {
      warnings.append(
        "\(name) has no weights any more, so whether the evaluation is of them was not checked.")
    }
    if isEvaluationOlder {
      warnings.append(
        "\(name)/eval is older than the checkpoint and does not say which weights it is of; evaluate it again.")
    }
    return warnings
  }

  /// What later segments of the training changed, each in a few words.
  var changesOnResume: [String] {
    let segments = segments
    return zip(segments, segments.dropFirst()).map { before, after in
      let step = after["first_step"]?.integer ?? 0
      let changes = RecordDifferences.between(before, after, ignoring: IncidentalEntries.ofResumedTraining)
      return "from step \(step) on, " + changes.prefix(3).map { $0.text("before", "then") }.joined(separator: "; ")
    }
  }

  /// Whether an evaluation without hashes was written before the weights of the last checkpoint.
  private var isEvaluationOlder: Bool {
    guard let evaluation = evaluations["eval"], evaluation.setting("model_sha256") == nil else { return false }
    func date(_ url: URL) -> Date? {
      (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
    }
    guard let weights = date(PolicyWeightsFile.url(in: model)), let written = date(evaluation.url)
    else { return false }
    return written < weights
  }

  /// Refuses an evaluation that rolled out another world modality than the one that was trained, an ablation.
  ///
  /// - Parameter allowed: entries that may differ.
  func requireTrainedRollout(_ evaluation: RecordedEvaluation, allowing allowed: [String]) throws {
    guard let trained = segments.last?["world"], let rolledOut = evaluation.manifest["world"], trained.object != nil,
      rolledOut.object != nil
    else { return }
    let differences = RecordDifferences.between(
      ["world": trained], ["world": rolledOut],
      ignoring: [
        // The encoder's weights are compared, wherever they lie.
        "world.encoder_sha256", "world.world_vision_model_name",
      ] + allowed + (allowed.contains("ablation") ? ["world.world_memory_mode_rollout"] : []))
    if let failure = RecordDifferences.failure(differences, "training", "evaluation") {
      throw Failure("the evaluation of \(name) is an ablation, not of the policy as it was trained: \(failure)")
    }
  }
}

extension RecordedRuns {
  /// What is wrong with each run, or that nothing is.
  public func checks() -> [Check] {
    var checks = damaged.map { Check($0.name, .problem, $0.text) }
    var names: [String: String] = [:]
    for run in runs {
      let found = Result { try run.wholeEvaluation() }
      let hash = run.evaluations["eval"]?.setting("model_sha256")?.string
      if case .failure(let error) = found {
        checks.append(Check(run.name, .problem, message(of: error)))
      } else if let hash, let other = names[hash] {
        checks.append(Check(run.name, .problem, Self.sameCheckpoint(other, run.name)))
      } else if run.warnings.isEmpty, run.missing.isEmpty, case .success(let evaluation) = found {
        let episodes = counted(evaluation.episodes.count, "episode")
        checks.append(Check(run.name, .ok, "trained, and evaluated in \(episodes)"))
      }
      if let hash { names[hash] = run.name }
      checks += (run.warnings + run.missing).map { Check(run.name, .warning, $0) }
    }
    return checks
  }

  static func sameCheckpoint(_ one: String, _ other: String) -> String {
    "\(one) and \(other) are one checkpoint under two names; train the other run, or delete the copy"
  }
}
