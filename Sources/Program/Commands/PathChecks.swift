import Experiments
import Failures
import Foundation
import LayeredSettings
import ModelFiles
import PolicyTraining
import TerminalOutput
import WorldLatents

extension Checks {
  /// Checks what lies at a path, by its kind.
  mutating func check(path: URL) throws {
    func holds(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: path.appendingPathComponent(name).path)
    }
    try self("path", found: { _ in nil }) { try refuseLinkLoop(at: path.path) }
    guard FileManager.default.fileExists(atPath: path.path) else {
      return add([Check("path", .problem, "\(path.path) does not exist; check its spelling")])
    }
    if path.lastPathComponent.hasSuffix(".npy") {
      _ = try self("latents", found: \.self) { try Self.latents(path) }
    } else if path.lastPathComponent == "eval_info.json" || holds("eval_info.json") {
      let file = path.pathExtension == "json" ? path : path.appendingPathComponent("eval_info.json")
      _ = try self(
        "evaluation",
        found: { counted($0.count, "episode") + ($0.haveDigests ? ", none changed or missing" : ", without digests") }
      ) {
        try ExperimentReport.checkedEpisodes(of: file)
      }
    } else if holds("meta/info.json") {
      var dataset = DatasetSettings()
      (dataset.root, dataset.repoID) = (path.path, path.lastPathComponent)
      _ = try dataset.open(tolerance: TrainSettings().tolerance, &self)
    } else if holds("config.json") {
      try check(flags: Arguments(["--policy.path=\(path.path)"]).flags)
    } else if holds("checkpoints") {
      try OutputDisk.check(path.path, mirror: nil, &self)
      let last = try self("checkpoint", found: \.lastPathComponent) { try CheckpointDirectory(output: path).last() }
      try check(path: last.appendingPathComponent("pretrained_model"))
    } else {
      try OutputDisk.check(path.path, mirror: nil, &self)
      let report = try self("runs", found: { _ in nil }) { try ExperimentReport(root: path) }
      add(report.checks)
    }
  }

  /// Checks a start of `train`, if the flags name a dataset, else one of `eval`.
  mutating func check(flags: [Arguments.Flag]) throws {
    guard !flags.isEmpty else { return }
    if flags.contains(where: { $0.name.hasPrefix("dataset.") }) {
      let settings = try TrainCommand.settings(from: flags)
      checkOutput(settings.outputDirectory, of: .training, (settings.resumes, settings.overwrites))
      // What the mirror lacks is among the checks.
      try? OutputDisk.check(
        settings.outputDirectory ?? defaultOutput("train", settings.name), mirror: settings.checkpointMirror, &self)
      guard let run = try? TrainingRun(settings, &self) else { return }
      run.checkSpace(at: settings.outputDirectory ?? defaultOutput("train", settings.name), &self)
      _ = try? self("evaluation while training", found: { $0 == nil ? nil : "can begin" }) {
        try TrainingEvaluation(settings, run.pretrained, Interruption())
      }
    } else {
      let settings = try EvalCommand.settings(from: flags)
      checkOutput(settings.outputDirectory, of: .evaluation, (settings.resumes, settings.overwrites))
      if flags.contains(where: { $0.name.hasPrefix("env.") }) {
        _ = try? CheckpointEvaluation(settings, &self)
      } else {
        _ = try? LoadedCheckpoint(settings, &self)
      }
    }
  }

  /// Finds what ``prepareOutput(_:of:overwrite:)`` would refuse; a folder that is resumed may hold anything.
  private mutating func checkOutput(
    _ path: String?, of kind: OutputKind, _ start: (resumes: Bool, overwrites: Bool)
  ) {
    guard let path, !start.resumes else { return }
    let folder = URL(fileURLWithPath: path, isDirectory: true)
    let names = contents(ofOutput: folder)
    let problem =
      start.overwrites ? kind.objection(to: folder, names) : names.isEmpty ? nil : occupied(path, names)
    if let problem { add([Check("output", .problem, problem)]) }
  }

  /// Compares a latent cache with its own sidecar.
  private static func latents(_ url: URL) throws -> String {
    let sidecar = LatentCache.sidecarURL(of: url)
    let identity = try LatentCacheManifest(JSON(contentsOf: sidecar), in: sidecar.path)
    let cache = try LatentCache(url, expecting: LatentCacheRequirements(of: identity))
    return "\(cache.frames) latents of \(identity.datasetRepoID), \(identity.camera)"
  }
}
