import LayeredSettings

/// `--accelerator.…`, of LeRobot's main branch, as far as it applies to one process.
struct AcceleratorSettings: ConfigurationSection {
  @SettingsGroup("gradient_accumulation") var accumulation = GradientAccumulationSettings()

  static let title = "AcceleratorConfig"
}

/// `--accelerator.gradient_accumulation.…`
struct GradientAccumulationSettings: ConfigurationSection {
  @Setting(
    "steps", in: 1...1 << 20, owner: .program,
    help: "steps whose batches make one update: its gradients are their mean; steps and samples count as before")
  var steps = 1

  static let title = "GradientAccumulationConfig"
}
