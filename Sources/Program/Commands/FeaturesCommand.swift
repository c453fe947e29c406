import Experiments
import Failures
import Foundation
import LayeredSettings
import TrainingBatches

/// `lerobot-wm precompute --features`: fills the cache of image features that a training run with these flags reads.
enum FeaturesCommand: Command {
  struct Settings: ConfigurationSection {
    @SettingsGroup var training = TrainSettings()
    @Setting("features", owner: .program, help: "compute image features, not world latents") var isOn = true
    @Setting(
      "shard", owner: .program, help: "the part of the frames to compute, such as 0/4: the first of four processes")
    var shard: Shard?

    func validate() throws(ConfigurationError) {
      guard training.featureCacheDirectory != nil else {
        throw ConfigurationError("feature_cache_dir", "is needed: the folder of the cache")
      }
    }
  }

  static let name = "precompute --features"
  static let summary =
    "compute what the frozen vision tower gives for every frame, as train --feature_cache_dir reads it"
  static let extraFlags = TrainCommand.extraFlags
  static let foreignSettings = TrainCommand.foreignSettings
  static let examples = [
    "lerobot-wm precompute --features --policy.path=lerobot/smolvla_base --dataset.repo_id=HuggingFaceVLA/libero "
      + "--feature_cache_dir=cache"
  ]

  static func isCalled(_ word: String, with arguments: [String]) -> Bool {
    word == PrecomputeCommand.name && arguments.contains { $0 == "--features" || $0 == "--features=true" }
  }

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    var training = Configured<TrainSettings>()
    try TrainCommand.layers(&training, &arguments)
    configured.value.training = training.value
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    try useComputeThreads(settings.training.computeThreads)
    let profile = try Profile(settings.training.profile, overwrite: settings.training.overwrites)
    var checks = Checks()
    let run = try TrainingRun(settings.training, &checks)
    guard let features = try run.imageFeatures() else {
      throw Failure("no features are kept")
    }
    (checks.warnings + [run.deviceDescription, features.summary]).forEach(say)
    let count = run.dataset.count
    let positions = try features.missing(in: run.dataset, among: settings.shard?.range(of: count) ?? 0..<count)
    let stopped = try doResumably("computing features", total: positions.count, profile) { report in
      try features.complete(
        positions, of: run.dataset, with: run.pretrained, batchSize: 8, workers: settings.training.workers,
        progress: report)
    }
    if let stopped { return stopped }
    print(features.summary)
    return 0
  }
}
