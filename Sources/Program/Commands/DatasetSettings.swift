import LayeredSettings

/// `--dataset.…`
struct DatasetSettings: ConfigurationSection {
  @Setting("repo_id", help: "the dataset's name, such as HuggingFaceVLA/libero") var repoID = ""
  @Setting("root", help: "its folder; else HF_LEROBOT_HOME/REPO_ID, else fetched from the hub") var root: String?
  @Setting("episodes", in: 0...1 << 40, help: "episodes to use; null for all") var episodes: [Int]?
  @Setting(
    "exclude_episodes", in: 0...1 << 40, owner: .program, help: "episodes to leave out of those, such as damaged ones")
  var excludedEpisodes: [Int]?
  @Setting(
    "eval_split", in: 0...0.999, owner: .program,
    help: "part of each task's episodes, the last ones, that is held out to measure the loss on (eval_steps)")
  var heldOutFraction = 0.0
  @Setting("revision", help: "branch, tag or commit; else the tag of the format's version") var revision: String?
  @SettingsGroup("image_transforms") var imageTransforms = ImageTransformsSettings()
  @Setting("use_imagenet_stats", help: "ImageNet's statistics for cameras; SmolVLA uses none")
  var usesImageNetStatistics = true
  @Setting(
    "image_memory_in_mb", in: 0...1 << 30, owner: .program,
    help:
      "memory for images that lie in Parquet files; if the files are larger, each image is read from the disk when needed"
  )
  var imageMemoryMegabytes = 1024
  @Setting("video_backend", help: "no effect: FFmpeg decodes") var videoBackend: String?
  @Setting("streaming", help: "not supported") var streams = false

  func validate() throws(ConfigurationError) {
    guard episodes?.isEmpty != true else {
      throw ConfigurationError("episodes", "expected at least one episode, or null for all, found []")
    }
    guard !streams else { throw ConfigurationError("streaming", "is not supported; download the dataset") }
  }
}
