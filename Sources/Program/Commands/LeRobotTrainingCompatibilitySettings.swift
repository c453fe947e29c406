import LayeredSettings

/// LeRobot's training settings that this program reads and writes for LeRobot's sake.
struct LeRobotTrainingCompatibilitySettings: ConfigurationSection {
  @Setting("use_rabc", owner: .program, help: "not supported") var weighsByReward = false
  @Setting("rabc_progress_path", owner: .program, help: "no effect") var rewardProgressPath: String?
  @Setting("rabc_kappa", in: -1e30...1e30, owner: .program, help: "no effect") var rewardThreshold = 0.01
  @Setting("rabc_epsilon", in: -1e30...1e30, owner: .program, help: "no effect") var rewardEpsilon = 1e-6
  @Setting("rabc_head_mode", owner: .program, help: "no effect") var rewardHead: String? = "sparse"

  func validate() throws(ConfigurationError) {
    guard !weighsByReward else { throw ConfigurationError("use_rabc", "is not supported; leave it at false") }
  }
}
