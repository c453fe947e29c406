import LayeredSettings
import ModelFiles
import NeuralNetworks
import OrderedCollections
import SmolVLA

/// `--optimizer.…` of AdamW, under LeRobot's names and with LeRobot's defaults.
struct AdamWSection: ConfigurationSection, Equatable {
  var learningRate = 1e-3
  var weightDecay = 1e-2
  var gradientClip = 10.0
  var betas = [0.9, 0.999]
  var epsilon = 1e-8

  static var fields: [Field<Self>] {
    [
      .init("lr", \.learningRate, help: "learning rate"),
      .init("weight_decay", \.weightDecay, help: "weight decay, apart from the gradient"),
      .init("grad_clip_norm", \.gradientClip, help: "largest norm of the gradients; 0 for no limit"),
      .init("betas", \.betas, help: "decay rates of the two moments"),
      .init("eps", \.epsilon, help: "epsilon"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard betas.count == 2, betas.allSatisfy({ (0..<1).contains($0) }) else {
      throw ConfigurationError("betas", "expected two numbers from 0 to less than 1, found \(betas)")
    }
    for (name, value) in [("lr", learningRate), ("weight_decay", weightDecay), ("grad_clip_norm", gradientClip)]
    where !(value.isFinite && value >= 0) {
      throw ConfigurationError(name, "expected a number of 0 or more, found \(value)")
    }
    guard epsilon.isFinite, epsilon > 0 else {
      throw ConfigurationError("eps", "expected a positive number, found \(epsilon)")
    }
  }

  /// What the optimizer takes of it.
  var settings: AdamWSettings {
    AdamWSettings(beta1: betas[0], beta2: betas[1], epsilon: epsilon, weightDecay: weightDecay)
  }
}

/// `--scheduler.…` of the cosine with warm-up, under LeRobot's names.
struct CosineSection: ConfigurationSection, Equatable {
  var warmupSteps = 1000
  var decaySteps = 30_000
  var peak = 1e-4
  var final = 2.5e-6

  static var fields: [Field<Self>] {
    [
      .init("num_warmup_steps", \.warmupSteps, help: "steps to the peak"),
      .init("num_decay_steps", \.decaySteps, help: "steps of the cosine; shrinks with --steps"),
      .init("peak_lr", \.peak, help: "what decay_lr is measured by; the peak itself is --optimizer.lr"),
      .init("decay_lr", \.final, help: "learning rate at the cosine's end, as a share of peak_lr"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard warmupSteps >= 0 else {
      throw ConfigurationError("num_warmup_steps", "expected 0 or more, found \(warmupSteps)")
    }
    guard decaySteps > 0 else { throw ConfigurationError("num_decay_steps", "expected 1 or more, found \(decaySteps)") }
    guard peak.isFinite, peak > 0 else {
      throw ConfigurationError("peak_lr", "expected a positive number, found \(peak)")
    }
    guard final.isFinite, final >= 0 else {
      throw ConfigurationError("decay_lr", "expected a number of 0 or more, found \(final)")
    }
  }
}

/// The optimizer chosen by `--optimizer.type`.
enum OptimizerSettings: Sendable, Equatable {
  case adamW(AdamWSection)

  static var choices: [Choice<OptimizerSettings?>] {
    [
      Choice("adamw", AdamWSection.self, wrap: { .adamW($0) }) {
        if case .adamW(let section) = $0 { section } else { nil }
      }
    ]
  }
}

/// The schedule chosen by `--scheduler.type`.
enum SchedulerSettings: Sendable, Equatable {
  case cosine(CosineSection)

  static var choices: [Choice<SchedulerSettings?>] {
    [
      Choice("cosine_decay_with_warmup", CosineSection.self, wrap: { .cosine($0) }) {
        if case .cosine(let section) = $0 { section } else { nil }
      }
    ]
  }
}

/// How a run optimizes: what the sections say, or the policy's preset.
struct Optimization: Sendable, Equatable {
  var adamW = AdamWSection()
  var schedule = CosineSection()

  /// The preset of a policy, as LeRobot's `get_optimizer_preset` and `get_scheduler_preset` make it.
  init(presetOf policy: SmolVLAConfiguration) {
    adamW.learningRate = policy.learningRate
    adamW.betas = policy.betas
    adamW.epsilon = policy.epsilon
    adamW.weightDecay = policy.weightDecay
    adamW.gradientClip = policy.gradientClip
    schedule.warmupSteps = policy.warmupSteps
    schedule.decaySteps = policy.decaySteps
    schedule.peak = policy.learningRate
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
