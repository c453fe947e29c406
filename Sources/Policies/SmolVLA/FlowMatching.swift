import CounterBasedRandom
import Foundation
import LibTorch
import RobotPolicies

extension SmolVLAModel {
  /// Squared errors of the predicted velocity, [B, S, max_action_dim].
  ///
  /// At time t the actions are t·noise + (1 − t)·actions and the velocity is noise − actions.
  func losses(
    of actions: Tensor, noise: Tensor, time: Tensor, cache: PrefixCache, refinement: Refinement
  ) throws -> Tensor {
    let times = try time.reshaped([-1, 1, 1])
    let noisy = try times * noise + (1 - times) * actions
    let predicted = try velocity(noisy, time: time, cache: cache, refinement: refinement)
    return try (noise - actions - predicted).square()
  }

  /// Actions [B, S, max_action_dim] reached from `noise` by Euler steps from time 1 to 0.
  func sample(from noise: Tensor, cache: PrefixCache, refinement: Refinement) throws -> Tensor {
    let steps = configuration.denoisingSteps
    var actions = noise
    for step in 0..<steps {
      let time = try Tensor.full([noise.size(0)], 1 - Double(step) / Double(steps), device: noise.device)
      actions = try actions + velocity(actions, time: time, cache: cache, refinement: refinement) * (-1 / Double(steps))
    }
    return actions
  }
}

/// What flow matching draws for a training step.
enum FlowDraw {
  /// Standard normal noise, [B, S, A].
  static func noise(_ shape: [Int], _ random: CountedRandom, _ device: Device) throws -> Tensor {
    try Tensor.normal(shape, random.at("noise"), device: device)
  }

  /// Times from Beta(1.5, 1) · 0.999 + 0.001, [B]; Beta(a, 1) is u^(1/a) of a uniform u.
  static func times(_ count: Int, _ random: CountedRandom, _ device: Device) throws -> Tensor {
    let place = random.at("time")
    let times = (0..<count).map { Float(pow(place.uniform($0), 1 / 1.5) * 0.999 + 0.001) }
    return try Tensor(times, shape: [count]).to(device)
  }
}
