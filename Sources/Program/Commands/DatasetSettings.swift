import LayeredSettings

/// `--dataset.…`
struct DatasetSettings: ConfigurationSection {
  var repoID = ""
  var root: String?
  var episodes: [Int]?
  var revision: String?
  var imageTransforms = ImageTransformsSettings()
  var usesImageNetStatistics = true
  var videoBackend: String?
  var streams = false

  static var fields: [Field<Self>] {
    [
      .init("repo_id", \.repoID, help: "the dataset's name, such as HuggingFaceVLA/libero"),
      .init("root", \.root, help: "its folder; else HF_LEROBOT_HOME/REPO_ID, else fetched from the hub"),
      .init("episodes", \.episodes, help: "episodes to use; null for all"),
      .init("revision", \.revision, help: "branch, tag or commit; else the tag of the format's version"),
      .section("image_transforms", \.imageTransforms),
      .init(
        "use_imagenet_stats", \.usesImageNetStatistics, help: "ImageNet's statistics for cameras; SmolVLA uses none"),
      .init("video_backend", \.videoBackend, help: "no effect: FFmpeg decodes"),
      .init("streaming", \.streams, help: "not supported"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard episodes?.isEmpty != true else {
      throw ConfigurationError("episodes", "expected at least one episode, or null for all, found []")
    }
    guard !streams else { throw ConfigurationError("streaming", "is not supported; download the dataset") }
  }
}
