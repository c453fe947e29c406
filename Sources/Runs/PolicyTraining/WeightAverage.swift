import Foundation
import LayeredSettings
import LibTorch
import NeuralNetworks

/// `--ema.…`: a moving average of the weights, by LeRobot's names and rule, which are those of diffusers' `EMAModel`.
public struct WeightAverageSettings: ConfigurationSection, Equatable {
  @Setting("enable", owner: .program, help: "keep a moving average of the weights, as pretrained_model_ema")
  public var isEnabled = false
  @Setting(
    "decay", in: 0...1, owner: .program, help: "how much of the average an update keeps, always; null for a warm-up")
  public var decay: Double?
  @Setting(
    "update_after_step", in: 0...1 << 40, owner: .program,
    help: "updates in which the average is the weights themselves")
  public var firstUpdates = 0
  @Setting(
    "inv_gamma", in: 1e-9...1e30, owner: .program, help: "update t keeps 1 - (1 + t / inv_gamma)^-power of the average")
  public var inverseGamma = 1.0
  @Setting("power", in: 1e-9...1e3, owner: .program, help: "see inv_gamma") public var power = 0.75
  @Setting("min_decay", in: 0...1, owner: .program, help: "but at least this much") public var minimum = 0.0
  @Setting("max_decay", in: 0...1, owner: .program, help: "and at most this much") public var maximum = 0.9999
  @Setting("use_for_eval", owner: .program, help: "evaluate the average while training, not the weights")
  public var isEvaluated = true

  public static let title = "EMAConfig"

  public init() {}

  public func validate() throws(ConfigurationError) {
    guard minimum <= maximum else {
      throw ConfigurationError("min_decay", "expected 0 to max_decay=\(maximum), found \(minimum)")
    }
    guard decay != nil else { return }
    guard minimum == 0, maximum == 0.9999 else {
      throw ConfigurationError("decay", "excludes min_decay and max_decay; give one or the others")
    }
  }

  /// What an update, counted from 1, keeps of the average.
  public func decay(at update: Int) -> Double {
    let step = update - firstUpdates - 1
    guard step > 0 else { return 0 }
    let warm = pow(1 + Double(step) / inverseGamma, -power)
    return decay ?? max(minimum, min(maximum, 1 - warm))
  }
}

/// The moving average of a policy's trained weights.
final class WeightAverage {
  /// The updates that it has seen.
  private(set) var updates: Int
  private let settings: WeightAverageSettings
  private let names: [String]
  private let live: [Tensor], average: [Tensor]

  /// Starts from the weights.
  ///
  /// - Parameters:
  ///   - saved: an average that an earlier run had come to, by the parameters' names.
  ///   - updates: those that it had seen.
  init(
    of store: ParameterStore, _ settings: WeightAverageSettings, from saved: StateDictionary = [:], updates: Int = 0
  ) throws {
    let trained = store.trainable.map(\.parameter)
    (names, live) = (trained.map(\.name), trained.map(\.tensor))
    average = try trained.map {
      try (saved[$0.name] ?? $0.tensor).detached().to($0.tensor.dtype).clone().to(store.device)
    }
    (self.settings, self.updates) = (settings, updates)
  }

  /// What the last update kept of the average.
  var decay: Double { settings.decay(at: updates) }

  /// The average by the parameters' names.
  var weights: StateDictionary { StateDictionary(uniqueKeysWithValues: zip(names, average)) }

  /// Moves the average towards the weights, after an update of theirs.
  func update() throws {
    updates += 1
    try withoutGradients { try Tensor.interpolate(average, towards: live, by: 1 - decay) }
  }

  /// Calls `body` while the policy's weights are the average.
  func inPlace<Result>(_ body: () throws -> Result) throws -> Result {
    let kept = try withoutGradients { try live.map { try $0.detached().clone() } }
    func set(_ values: [Tensor]) throws {
      try withoutGradients { for (weight, value) in zip(live, values) { try weight.copy(from: value) } }
    }
    try set(average)
    let result = Swift.Result { try body() }
    try set(kept)
    return try result.get()
  }
}
