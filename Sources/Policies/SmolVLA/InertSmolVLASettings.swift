import LayeredSettings
import ModelFiles
import OrderedCollections

/// LeRobot's fields that this program reads and writes for LeRobot's sake.
public struct InertSmolVLASettings: ConfigurationSection, Equatable {
  var observationSteps = 1
  var usesAutomaticMixedPrecision = false
  var usesPEFT = false
  /// Whether the model is uploaded at the end; off unless asked for, unlike LeRobot's.
  public var pushToHub = false
  /// Where it is uploaded to.
  public var repoID: String? = nil
  /// Whether the repository that is made for it is private; nil leaves it to its owner's settings.
  public var isPrivate: Bool? = nil
  /// Tags of its card, beside LeRobot's own.
  public var tags: [String]? = nil
  /// The license that its card names; nil is `apache-2.0`.
  public var license: String? = nil
  /// The checkpoint that the policy was started from.
  public var pretrainedPath: String? = nil
  var normalizationMapping: OrderedDictionary<String, JSON> = [
    "VISUAL": "IDENTITY", "STATE": "MEAN_STD", "ACTION": "MEAN_STD",
  ]
  var adaptsToPiAloha = false
  var usesDeltaJointActions = false
  var usesCache = true
  /// Whether a new backbone starts from its published weights.
  public var loadsVLMWeights = false
  var rtcConfiguration: JSON = .null
  var compilesModel = false
  var compileMode = "max-autotune"

  public init() {}

  /// The flags and JSON keys, under LeRobot's names.
  public static var fields: [Field<Self>] {
    [
      .init("n_obs_steps", \.observationSteps, help: "1"),
      .init("use_amp", \.usesAutomaticMixedPrecision, help: "not supported: parameters are float32"),
      .init("use_peft", \.usesPEFT, help: "not supported"),
      .init("push_to_hub", \.pushToHub, help: "upload the trained model to the hub at the end (HF_TOKEN)"),
      .init("repo_id", \.repoID, help: "the repository to upload it to, such as USER/NAME"),
      .init("private", \.isPrivate, help: "whether that repository, if new, is private"),
      .init("tags", \.tags, help: "tags of the model card"),
      .init("license", \.license, help: "license of the model card"),
      .init("pretrained_path", \.pretrainedPath, help: "checkpoint to start from; as policy.path"),
      .init("normalization_mapping", \.normalizationMapping, help: "mode by type of feature"),
      .init("adapt_to_pi_aloha", \.adaptsToPiAloha, help: "not supported"),
      .init("use_delta_joint_actions_aloha", \.usesDeltaJointActions, help: "not supported"),
      .init("use_cache", \.usesCache, help: "no effect: the prefix is always computed once"),
      .init(
        "load_vlm_weights", \.loadsVLMWeights, help: "a new policy's backbone starts from its repository's weights"),
      .init("rtc_config", \.rtcConfiguration, help: "not supported"),
      .init("compile_model", \.compilesModel, help: "no effect"),
      .init("compile_mode", \.compileMode, help: "no effect"),
    ]
  }

  /// Refuses what would change something and is not supported.
  public func validate() throws(ConfigurationError) {
    let refused = [
      ("adapt_to_pi_aloha", adaptsToPiAloha), ("use_delta_joint_actions_aloha", usesDeltaJointActions),
      ("use_peft", usesPEFT), ("use_amp", usesAutomaticMixedPrecision), ("rtc_config", rtcConfiguration != .null),
      ("n_obs_steps", observationSteps != 1),
    ]
    for (name, isSet) in refused where isSet {
      throw ConfigurationError(name, "is not supported; leave it at its default")
    }
    guard !pushToHub || repoID != nil else { throw ConfigurationError("repo_id", "is needed with push_to_hub=true") }
  }
}
