import LibTorch

/// AdamW's settings, under PyTorch's names and defaults of SmolVLA.
public struct AdamWSettings: Sendable, Equatable {
  /// Decay rates of the two moments.
  public var betas: (Double, Double) { (beta1, beta2) }
  /// Decay rate of the first moment.
  public var beta1 = 0.9
  /// Decay rate of the second moment.
  public var beta2 = 0.95
  /// Keeps the division finite.
  public var epsilon = 1e-8
  /// Decoupled from the gradient.
  public var weightDecay = 1e-10

  /// Settings; see Loshchilov and Hutter, "Decoupled weight decay regularization", 2019.
  public init(beta1: Double = 0.9, beta2: Double = 0.95, epsilon: Double = 1e-8, weightDecay: Double = 1e-10) {
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
  }
}

/// What AdamW remembers of one parameter.
public struct AdamWState {
  /// Mean of the gradients, decaying.
  public let firstMoment: Tensor
  /// Mean of the squared gradients, decaying.
  public let secondMoment: Tensor
  /// Steps taken so far, as a float32 scalar.
  public let step: Tensor

  public init(firstMoment: Tensor, secondMoment: Tensor, step: Tensor) {
    self.firstMoment = firstMoment
    self.secondMoment = secondMoment
    self.step = step
  }
}

/// The optimizer, fused into one kernel by libtorch.
public final class AdamW {
  public let settings: AdamWSettings
  /// By the parameter's place in the store; empty before its first step.
  public private(set) var states: [Int: AdamWState]
  private let trainable: [(index: Int, parameter: Parameter)]

  public init(_ store: ParameterStore, settings: AdamWSettings, states: [Int: AdamWState] = [:]) {
    self.settings = settings
    self.states = states
    trainable = store.trainable
  }

  /// Changes every parameter that has a gradient.
  public func step(learningRate: Double) throws {
    var parameters: [Tensor] = []
    var gradients: [Tensor] = []
    var current: [AdamWState] = []
    for (index, parameter) in trainable {
      guard let gradient = parameter.tensor.gradient else { continue }
      let state = if let known = states[index] { known } else { try newState(parameter.tensor) }
      states[index] = state
      parameters.append(parameter.tensor)
      gradients.append(gradient)
      current.append(state)
    }
    guard !parameters.isEmpty else { return }
    try withoutGradients {
      // The kernel reads the step's number and does not advance it.
      try Tensor.increment(current.map(\.step))
      try Tensor.fusedAdamW(
        parameters: parameters, gradients: gradients, firstMoments: current.map(\.firstMoment),
        secondMoments: current.map(\.secondMoment), steps: current.map(\.step), learningRate: learningRate,
        betas: settings.betas, weightDecay: settings.weightDecay, epsilon: settings.epsilon)
    }
  }

  public func clearGradients() throws {
    for (_, parameter) in trainable { try parameter.tensor.clearGradient() }
  }

  private func newState(_ parameter: Tensor) throws -> AdamWState {
    AdamWState(
      firstMoment: try parameter.detached().zerosLike(), secondMoment: try parameter.detached().zerosLike(),
      step: try Tensor.zeros([], device: parameter.device))
  }
}

extension ParameterStore {
  /// The Euclidean norm of the gradients of the parameters that `isIncluded` names; a scalar.
  public func gradientNorm(where isIncluded: (String) -> Bool = { _ in true }) throws -> Tensor {
    let gradients = trainable.filter { isIncluded($0.parameter.name) }.compactMap(\.parameter.tensor.gradient)
    guard !gradients.isEmpty else { return try Tensor.zeros([], device: device) }
    return try Tensor.stack(Tensor.norms(of: gradients)).norm()
  }

  /// Scales all gradients so that their norm is at most `maximum`, and returns the norm they had.
  ///
  /// As PyTorch's `clip_grad_norm_`: the factor is min(1, maximum / (norm + 1e-6)).
  public func clipGradients(toNorm maximum: Double) throws -> Tensor {
    let norm = try gradientNorm()
    let gradients = trainable.compactMap(\.parameter.tensor.gradient)
    guard !gradients.isEmpty else { return norm }
    let factor = try ((norm + 1e-6).reciprocal() * maximum).clamp(max: 1)
    try Tensor.scale(gradients, by: factor)
    return norm
  }
}
