import LayeredSettings
import LibTorch

/// AdamW's settings under LeRobot's names, with PyTorch's defaults; see Loshchilov and Hutter, "Decoupled weight decay
/// regularization", 2019.
public struct AdamWSettings: ConfigurationSection, Equatable {
  public static let title = "AdamWConfig"
  @Setting("lr", in: 0...1e30, help: "learning rate") public var learningRate = 1e-3
  @Setting("betas", in: 0...1, help: "decay rates of the two moments") public var betas = [0.9, 0.999]
  @Setting("eps", in: 1e-30...1, help: "added to the denominator") public var epsilon = 1e-8
  @Setting("weight_decay", in: 0...1e30, help: "weight decay, decoupled from the gradient") public var weightDecay =
    1e-2
  @Setting("grad_clip_norm", in: 0...1e30, help: "maximum norm of the gradients; 0 for no limit") public
    var gradientClip = 10.0

  public init() {}

  public init(learningRate: Double = 1e-3, betas: [Double] = [0.9, 0.999], weightDecay: Double = 1e-2) {
    (self.learningRate, self.betas, self.weightDecay) = (learningRate, betas, weightDecay)
  }

  /// The limit of the gradients' norm; by LeRobot's rule 0 stands for none.
  public var maximumGradientNorm: Double { gradientClip > 0 ? gradientClip : .infinity }

  public func validate() throws(ConfigurationError) {
    guard betas.count == 2, betas.allSatisfy({ (0..<1).contains($0) }) else {
      throw ConfigurationError("betas", "expected two numbers from 0 to less than 1, found \(betas)")
    }
  }
}

/// Per-parameter optimizer state.
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
    guard let device = trainable.first?.parameter.tensor.device else { return }
    try step(learningRate: Self.rate(learningRate, on: device))
  }

  /// A learning rate as the kernel of the device takes it.
  public static func rate(_ rate: Double, on device: Device) throws -> Tensor {
    try Tensor.full([], rate, dtype: device == .cpu ? .float64 : .float32).to(device)
  }

  /// The same with a rate from ``rate(_:on:)``, which a recorded step reads again at each repetition.
  public func step(learningRate: Tensor) throws {
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
        betas: (settings.betas[0], settings.betas[1]), weightDecay: settings.weightDecay, epsilon: settings.epsilon)
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

  /// Scales the gradients of the parameters that `isIncluded` names so that their norm is at most `maximum`, and returns
  /// the norm they had.
  ///
  /// As PyTorch's `clip_grad_norm_`: the factor is min(1, maximum / (norm + 1e-6)).
  public func clipGradients(
    toNorm maximum: Double, where isIncluded: (String) -> Bool = { _ in true }
  ) throws -> Tensor {
    let norm = try gradientNorm(where: isIncluded)
    let gradients = trainable.filter { isIncluded($0.parameter.name) }.compactMap(\.parameter.tensor.gradient)
    guard !gradients.isEmpty else { return norm }
    let factor = try ((norm + 1e-6).reciprocal() * maximum).clamp(max: 1)
    // A CPU need not wait to see that nothing changes; a GPU would.
    if device == .cpu, try factor.item() == 1 { return norm }
    try Tensor.scale(gradients, by: factor)
    return norm
  }
}
