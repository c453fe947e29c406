import Configuration

/// `--eval.…` as LeRobot has it, for evaluations during training.
struct TrainingEvaluationSection: ConfigurationSection {
  var episodes = 50
  var batchSize = 50
  var usesAsyncEnvironments = false

  static var fields: [Field<Self>] {
    [
      .init("n_episodes", \.episodes, help: "episodes of each task"),
      .init("batch_size", \.batchSize, help: "environments side by side; at most n_episodes are made"),
      .init("use_async_envs", \.usesAsyncEnvironments, help: "no effect: environments always step side by side"),
    ]
  }

  func validate() throws(ConfigurationError) {
    for (name, value) in [("n_episodes", episodes), ("batch_size", batchSize)] where value < 1 {
      throw ConfigurationError(name, "expected a whole number from 1, found \(value)")
    }
  }
}

/// `--eval.…` of the command `eval`.
struct EvaluationSection: ConfigurationSection {
  var lerobot = TrainingEvaluationSection()
  var filmed = 10
  var contrary = false
  var planner = "policy"

  static var fields: [Field<Self>] {
    [
      .embedded(\.lerobot),
      .init("max_episodes_rendered", \.filmed, help: "episodes of each task that are filmed"),
      .init("contrary_instruction", \.contrary, help: "tell the policy another goal, and count the original one"),
      .init("planner", \.planner, help: "policy, or random for the rate of chance"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard filmed >= 0 else {
      throw ConfigurationError("max_episodes_rendered", "expected 0 or more, found \(filmed)")
    }
    guard ["policy", "random"].contains(planner) else {
      throw ConfigurationError("planner", "expected policy or random, found \(planner)")
    }
  }
}
