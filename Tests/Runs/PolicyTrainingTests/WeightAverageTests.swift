import Failures
import Foundation
import LayeredSettings
import LibTorch
import NeuralNetworks
import RobotPolicies
import Testing

@testable import PolicyTraining

struct WeightAverageTests {
  private func settings(_ change: (inout WeightAverageSettings) -> Void = { _ in }) -> WeightAverageSettings {
    var settings = WeightAverageSettings()
    settings.isEnabled = true
    change(&settings)
    return settings
  }

  /// As diffusers 0.35's `EMAModel(…, use_ema_warmup=True).get_decay` gives them.
  @Test func `what an update keeps of the average is diffusers' warm-up, within its bounds`() {
    let plain = settings()
    for (update, decay) in [(1, 0.0), (2, 0.4053964424986395), (3, 0.5613086623491692), (11, 0.8344399739238298)] {
      #expect(abs(plain.decay(at: update) - decay) < 1e-12, "\(update)")
    }
    #expect(plain.decay(at: 1_000_000) == 0.9999)
    let late = settings {
      ($0.firstUpdates, $0.inverseGamma, $0.power, $0.maximum) = (3, 2, 0.5, 0.3)
    }
    #expect(late.decay(at: 4) == 0 && abs(late.decay(at: 5) - (1 - 1 / 1.5.squareRoot())) < 1e-12)
    #expect(late.decay(at: 9) == 0.3)
    let constant = settings { $0.decay = 0.99 }
    #expect(constant.decay(at: 1) == 0 && constant.decay(at: 2) == 0.99)
  }

  @Test func `the average follows the weights, takes their place and gives it back`() throws {
    let store = ParameterStore(seed: 1, device: .cpu)
    let (weight, frozen) = (
      try store.root.parameter("w", [2], .zeros), try store.root.parameter("frozen", [1], .ones)
    )
    try store.setTrainable { $0 == "w" }
    func set(_ numbers: [Float]) throws { try withoutGradients { try weight.copy(from: Tensor(numbers, shape: [2])) } }
    let average = try WeightAverage(of: store, settings { $0.decay = 0.75 })
    try set([4, 8])
    try average.update()
    // The first update is a copy.
    #expect(try average.weights["w"]?.scalars(Float.self) == [4, 8] && average.weights.count == 1)
    try set([0, 16])
    try average.update()
    #expect(try average.weights["w"]?.scalars(Float.self) == [3, 10])
    #expect(try average.inPlace { try weight.scalars(Float.self) } == [3, 10])
    #expect(try weight.scalars(Float.self) == [0, 16] && frozen.scalars(Float.self) == [1])
    #expect(throws: Failure.self) { try average.inPlace { throw Failure("broken") } }
    #expect(try weight.scalars(Float.self) == [0, 16] && weight.requiresGrad)
    let again = try WeightAverage(of: store, settings { $0.decay = 0.75 }, from: average.weights, updates: 2)
    #expect(try again.weights["w"]?.scalars(Float.self) == [3, 10] && again.updates == 2)
  }

  @Test func `what LeRobot refuses is refused`() {
    func refused(_ change: (inout WeightAverageSettings) -> Void) -> String? {
      #expect(throws: ConfigurationError.self) { try settings(change).validateAll() }?.name
    }
    #expect(refused { ($0.minimum, $0.maximum) = (0.5, 0.4) } == "min_decay")
    #expect(refused { $0.power = 0 } == "power" && refused { $0.inverseGamma = .nan } == "inv_gamma")
    #expect(refused { $0.decay = 1.5 } == "decay" && refused { ($0.decay, $0.maximum) = (0.9, 0.5) } == "decay")
    #expect(refused { $0.firstUpdates = -1 } == "update_after_step")
  }
}
