import LayeredSettings

/// `--accelerator.…`, of LeRobot's main branch, as far as it applies to one process.
struct AcceleratorSettings: ConfigurationSection {
  @SettingsGroup("gradient_accumulation") var accumulation = GradientAccumulationSettings()

  static let title = "AcceleratorConfig"
}

/// `--accelerator.gradient_accumulation.…`
struct GradientAccumulationSettings: ConfigurationSection {
  @Setting(
    "steps", owner: .program,
    help: "steps whose batches make one update: its gradients are their mean; steps and samples count as before")
  var steps = 1

  static let title = "GradientAccumulationConfig"

  func validate() throws(ConfigurationError) {
    guard (1...1 << 20).contains(steps) else {
      throw ConfigurationError("steps", "expected 1 to 2^20, found \(steps)")
    }
  }
}
