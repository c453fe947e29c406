import Experiments
import Failures
import Foundation
import ModelFiles
import OrderedCollections
import PolicyTraining
import WorldLatents

extension MatrixPreparation {
  /// Latents, then each run's stages, then what the runs share.
  mutating func allStages() throws -> [Stage] {
    let training = try runs.map(training)
    let latents = try latentsStages(for: Set(training.filter { !$0.isDone }.map(\.subject)))
    var stages = latents.map(\.stage)
    for (run, stage) in zip(runs, training) {
      let needs = latents.filter { $0.arms.contains(run.arm.arm.name) }.map(\.stage.name)
      stages.append(stage.needing(needs))
      stages += try afterTraining(run, isTrained: stage.isDone)
    }
    if settings.evaluatesChance { stages.append(chance()) }
    return stages + [report(of: stages)]
  }

  /// The folder below `checkpoint_mirror` that holds copies of this matrix's runs; experiments that share a mirror have runs
  /// of the same names.
  private func mirror(_ directory: String) -> String { "\(directory)/\(root.lastPathComponent)" }

  /// Refuses a mirror that holds the runs of another matrix.
  func checkMirror() throws {
    guard let directory = arms.first?.settings.checkpointMirror else { return }
    let folder = URL(fileURLWithPath: mirror(directory), isDirectory: true)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try MatrixFolder.agree(on: common, in: folder)
  }

  /// The training of a run, which begins in an empty folder unless there is a checkpoint to go on from.
  private func training(_ run: Run) throws -> Stage {
    let output = "--output_dir=\(run.folder.url.path)"
    let last = run.folder.url.appendingPathComponent("checkpoints/last")
    let directory = run.arm.settings.checkpointMirror.map(mirror)
    let mirrorFlag = directory.map { ["--checkpoint_mirror=\($0)"] } ?? []
    let flags = run.arm.flags.filter { !$0.hasPrefix("--checkpoint_mirror=") } + mirrorFlag
    let mirror = directory.map { CheckpointMirror(URL(fileURLWithPath: $0), of: run.folder.url).url }
    // The mirror has every checkpoint, also when the run's own disk has vanished.
    let kept = run.folder.checkpoint == nil ? mirror.map(MatrixRun.init) ?? run.folder : run.folder
    let named = kept.url.appendingPathComponent("checkpoints/last")
    // The link is preferred, because it stays when a later checkpoint takes this one's place.
    let saved = FileManager.default.fileExists(atPath: named.path) ? named : kept.checkpoint ?? named
    guard kept.checkpoint != nil || !run.folder.isEvaluated else {
      throw Failure(
        "\(run.folder.url.path) has a finished evaluation and no checkpoint, and training it again would delete the evaluation; "
          + "restore its checkpoints, or move the folder away")
    }
    return Stage(
      .training, of: run.name, ["train", output, "--overwrite"] + flags + ["--seed=\(run.seed)"],
      continuation: .init(from: saved, ["train", output, "--resume"] + mirrorFlag),
      product: last, work: run.arm.settings.steps,
      isDone: (run.folder.checkpointStep ?? 0) >= run.arm.settings.steps)
  }

  /// Moves what no training left from the folders in which one is about to begin; returns a line about each.
  func makeRoom() throws -> [String] {
    let begun = stages.filter { $0.kind == .training && !$0.isDone && !$0.isContinued }.map(\.subject)
    return try runs.filter { begun.contains($0.name) && $0.folder.holdsMoreThanAStart }.map { run in
      let lock = try FolderLock(run.folder.url)
      defer { withExtendedLifetime(lock) {} }
      let target = try setAside(run.folder.url)
      return
        "\(run.folder.url.path) held files and no checkpoint to go on from; what was there is kept in \(target.path)"
    }
  }

  /// The evaluation and the ablations of a run; what was made before its training ended is made again.
  private mutating func afterTraining(_ run: Run, isTrained: Bool) throws -> [Stage] {
    let model = "--policy.path=\(run.folder.url.path)/checkpoints/last/pretrained_model"
    let folder = run.folder.url.appendingPathComponent("eval")
    var isEvaluated = isTrained && run.folder.isEvaluated
    if isEvaluated, try run.folder.isEvaluationOfOtherWeights() {
      isEvaluated = false
      notices.append(
        "\(folder.path) is of other weights than the run's checkpoint: the run is evaluated again, and the old results are kept in "
          + "\(run.name)/replaced")
    }
    if isEvaluated { try run.folder.checkEvaluation(evaluation.protocolEntries, tasks: evaluation.tasks) }
    let rollout = evaluationStage(
      .evaluation, of: run.name, in: folder, [model] + evaluation.flags,
      needs: [Stage.name(.training, of: run.name)], isDone: isEvaluated)
    guard !settings.ablationNames.isEmpty else { return [rollout] }
    let product = folder.appendingPathComponent("ablations/ablations.json")
    let names = "--ablations=\(settings.ablationNames.joined(separator: ","))"
    return [
      rollout,
      Stage(
        .ablations, of: run.name,
        ["ablate", "--output_dir=\(folder.path)", "--resume", "--overwrite", model] + evaluation.flags + [names],
        needs: [rollout.name], product: product,
        work: evaluation.tasks.count * evaluation.episodesPerTask * settings.ablationNames.count,
        isDone: isEvaluated && run.folder.isAblated(settings.ablationNames)),
    ]
  }

  private mutating func evaluationStage(
    _ kind: Stage.Kind, of subject: String, in folder: URL, _ flags: [String], needs: [String] = [], isDone: Bool
  ) -> Stage {
    let product = folder.appendingPathComponent("eval_info.json")
    if MatrixRun.isEdited(product) {
      notices.append(
        "\(product.path) was edited after the evaluation: \(subject) is evaluated again, and the old results are kept "
          + "in \(folder.deletingLastPathComponent().lastPathComponent)/replaced")
    }
    return Stage(
      kind, of: subject, ["eval", "--output_dir=\(folder.path)", "--resume", "--overwrite"] + flags, needs: needs,
      product: product,
      work: evaluation.tasks.count * evaluation.episodesPerTask, isDone: isDone)
  }

  /// The success rate that chance alone reaches.
  private mutating func chance() -> Stage {
    let folder = root.appendingPathComponent("random")
    return evaluationStage(
      .chance, of: "random", in: folder,
      ["--eval.planner=random"] + evaluation.flags.filter { !$0.hasPrefix("--policy.") },
      isDone: MatrixRun.isWhole(folder.appendingPathComponent("eval_info.json")))
  }

  /// The page, which is written whatever became of the others.
  private func report(of others: [Stage]) -> Stage {
    let page = root.appendingPathComponent("report.html")
    func date(_ url: URL) -> Date? {
      (try? FileManager.default.attributesOfItem(atPath: url.path))?[.modificationDate] as? Date
    }
    let written = date(page)
    let isNewest = others.allSatisfy { stage in
      written.flatMap { written in date(stage.product).map { $0 <= written } } ?? false
    }
    let allowed = settings.allowedDifferenceNames.joined(separator: ",")
    return Stage(
      .report, of: "report",
      ["report", "--runs=\(root.path)", "--overwrite"] + (allowed.isEmpty ? [] : ["--allow_differences=\(allowed)"]),
      follows: others.map(\.name), product: page, isDone: others.allSatisfy(\.isDone) && isNewest)
  }

  /// The caches that are missing and that a training in `subjects` needs, with the arms that read them.
  private func latentsStages(for subjects: Set<String>) throws -> [(stage: Stage, arms: [String])] {
    guard settings.precomputes else { return [] }
    let open = arms.filter { arm in runs.contains { $0.arm.arm.name == arm.arm.name && subjects.contains($0.name) } }
    var stages: OrderedDictionary<URL, (stage: Stage, arms: [String])> = [:]
    for arm in open {
      guard let camera = cameras[arm.arm.name], let recipe = arm.settings.latentRecipe(camera: camera) else { continue }
      let url = try recipe.url()
      guard !FileManager.default.fileExists(atPath: url.path) else { continue }
      let name = url.lastPathComponent.replacingOccurrences(of: ".fp16.npy", with: "")
        .replacingOccurrences(of: "train_world_", with: "")
      let renaming = arm.settings.renameMap
      let command =
        ["precompute", "--num_compute_threads=\(arm.settings.computeThreads)"]
        + recipe.settings.map { "--\($0.name)=\($0.value)" }
        + (renaming.isEmpty ? [] : ["--rename_map=\(renaming.json.text(.compact))"])
      let stage = Stage(.latents, of: name, command, product: url, isDone: false)
      stages[url, default: (stage, [])].arms.append(arm.arm.name)
    }
    return Array(stages.values)
  }
}

extension Stage {
  /// The stage, which also needs others.
  fileprivate func needing(_ names: [String]) -> Stage {
    Stage(
      kind, of: subject, arguments, continuation: continuation, needs: needs + names, follows: follows,
      product: product, work: work, isDone: isDone)
  }
}
