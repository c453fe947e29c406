import LayeredSettings
import ModelFiles

/// LeRobot's training settings that this program reads and writes for LeRobot's sake.
struct LeRobotTrainingCompatibilitySettings: ConfigurationSection {
  var peft: JSON = .null
  var weighsByReward = false
  var rewardProgressPath: String?
  var rewardThreshold = 0.01
  var rewardEpsilon = 1e-6
  var rewardHead: String? = "sparse"

  static var fields: [Field<Self>] {
    [
      .init("peft", \.peft, help: "not supported"),
      .init("use_rabc", \.weighsByReward, help: "not supported"),
      .init("rabc_progress_path", \.rewardProgressPath, help: "no effect"),
      .init("rabc_kappa", \.rewardThreshold, help: "no effect"),
      .init("rabc_epsilon", \.rewardEpsilon, help: "no effect"),
      .init("rabc_head_mode", \.rewardHead, help: "no effect"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard peft == .null else { throw ConfigurationError("peft", "is not supported; leave it at null") }
    guard !weighsByReward else { throw ConfigurationError("use_rabc", "is not supported; leave it at false") }
  }
}
