import LayeredSettings
import ModelFiles
import NeuralNetworks
import OrderedCollections
import SmolVLA

/// `--scheduler.…` of the cosine with warm-up, under LeRobot's names.
struct CosineSection: ConfigurationSection, Equatable {
  @Setting("num_warmup_steps", in: 0...1 << 40, help: "warm-up steps") var warmupSteps = 1000
  @Setting("num_decay_steps", in: 1...1 << 40, help: "steps of the cosine decay; scaled down for shorter runs")
  var decaySteps = 30_000
  @Setting("peak_lr", in: 1e-30...1e30, help: "reference for decay_lr; the peak itself is --optimizer.lr") var peak =
    1e-4
  @Setting("decay_lr", in: 0...1e30, help: "learning rate at the end of the decay, relative to peak_lr") var final =
    2.5e-6
}

/// The optimizer chosen by `--optimizer.type`.
enum OptimizerSettings: Sendable, Equatable {
  case adamW(AdamWSettings)

  static var kinds: [SettingsKind<OptimizerSettings>] {
    [
      SettingsKind("adamw", AdamWSettings.self, wrap: OptimizerSettings.adamW) {
        switch $0 {
        case .adamW(let section): section
        }
      }
    ]
  }
}

/// The schedule chosen by `--scheduler.type`.
enum SchedulerSettings: Sendable, Equatable {
  case cosine(CosineSection)

  static var kinds: [SettingsKind<SchedulerSettings>] {
    [
      SettingsKind("cosine_decay_with_warmup", CosineSection.self, wrap: SchedulerSettings.cosine) {
        switch $0 {
        case .cosine(let section): section
        }
      }
    ]
  }
}

/// How a run optimizes: what the sections say, or the policy's preset.
struct Optimization: Sendable, Equatable {
  var adamW = AdamWSettings()
  var schedule = CosineSection()

  /// The preset of a policy, as LeRobot's `get_optimizer_preset` and `get_scheduler_preset` make it.
  init(presetOf policy: SmolVLAConfiguration) {
    adamW = policy.optimizer
    schedule.warmupSteps = policy.warmupSteps
    schedule.decaySteps = policy.decaySteps
    schedule.peak = policy.optimizer.learningRate
    schedule.final = policy.finalLearningRate
  }

  init(_ optimizer: OptimizerSettings, _ scheduler: SchedulerSettings) {
    switch optimizer {
    case .adamW(let section): adamW = section
    }
    switch scheduler {
    case .cosine(let section): schedule = section
    }
  }

  /// The learning rate at each step: LeRobot multiplies the optimizer's by the schedule's factor.
  func cosine(steps: Int) -> CosineSchedule {
    let share = schedule.peak > 0 ? schedule.final / schedule.peak : 0
    // The quotient would round where both rates are one.
    let final = schedule.peak == adamW.learningRate ? schedule.final : adamW.learningRate * share
    return CosineSchedule(
      peak: adamW.learningRate, final: final, warmupSteps: schedule.warmupSteps, decaySteps: schedule.decaySteps,
      steps: steps)
  }

  /// The two sections of `train_config.json`; LeRobot reads them when it continues with a run.
  var json: (optimizer: JSON, scheduler: JSON) {
    func tagged(_ type: String, _ section: some ConfigurationSection) -> JSON {
      var members: OrderedDictionary<String, JSON> = ["type": .string(type)]
      members.merge(section.json.object ?? [:]) { $1 }
      return .object(members)
    }
    return (tagged("adamw", adamW), tagged("cosine_decay_with_warmup", schedule))
  }
}
