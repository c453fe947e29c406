import LayeredSettings
import ModelFiles
import OrderedCollections

/// LeRobot's fields that this program reads and writes for LeRobot's sake.
public struct LeRobotCompatibilitySettings: ConfigurationSection, Equatable {
  @Setting("n_obs_steps", in: 1...1024, help: "observation steps per sample; only 1 is supported")
  var observationSteps = 1
  @Setting("use_amp", help: "the same as precision=bf16") public var usesAutomaticMixedPrecision = false
  @Setting("use_peft", help: "whether the checkpoint is an adapter; follows from its files") public var usesPEFT = false
  @Setting("push_to_hub", help: "upload the trained model to the hub at the end (HF_TOKEN)") public var pushToHub =
    false
  @Setting("repo_id", help: "the repository to upload it to, such as USER/NAME") public var repoID: String?
  @Setting("private", help: "whether that repository, if new, is private") public var isPrivate: Bool?
  @Setting("tags", help: "tags of the model card") public var tags: [String]?
  @Setting("license", help: "license of the model card") public var license: String?
  @Setting("pretrained_path", help: "checkpoint to start from; as policy.path") public var pretrainedPath: String?
  @Setting("normalization_mapping", help: "mode by type of feature") var normalizationMapping:
    OrderedDictionary<String, JSON> = [
      "VISUAL": "IDENTITY", "STATE": "MEAN_STD", "ACTION": "MEAN_STD",
    ]
  @Setting("adapt_to_pi_aloha", help: "not supported") var adaptsToPiAloha = false
  @Setting("use_delta_joint_actions_aloha", help: "not supported") var usesDeltaJointActions = false
  @Setting("use_cache", help: "no effect: the prefix is always computed once") var usesCache = true
  @Setting("load_vlm_weights", help: "a new policy's backbone starts from its repository's weights") public
    var loadsVLMWeights = false
  @Setting("rtc_config", help: "not supported") var rtcConfiguration: JSON = .null
  @Setting("compile_model", help: "no effect") var compilesModel = false
  @Setting("compile_mode", help: "no effect") var compileMode = "max-autotune"

  public init() {}

  /// Whether plans would overlap in time; a section that is not enabled changes nothing.
  private var usesRealTimeChunks: Bool { rtcConfiguration != .null && rtcConfiguration["enabled"] != false }

  /// Refuses what would change something and is not supported.
  public func validate() throws(ConfigurationError) {
    let refused = [
      ("adapt_to_pi_aloha", adaptsToPiAloha), ("use_delta_joint_actions_aloha", usesDeltaJointActions),
      ("rtc_config", usesRealTimeChunks),
      ("n_obs_steps", observationSteps != 1),
    ]
    for (name, isSet) in refused where isSet {
      throw ConfigurationError(name, "is not supported; leave it at its default")
    }
    guard !pushToHub || repoID != nil else { throw ConfigurationError("repo_id", "is needed with push_to_hub=true") }
  }
}
