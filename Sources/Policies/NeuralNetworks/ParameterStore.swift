import CounterBasedRandom
import LibTorch
import OrderedCollections

/// Where a new parameter's first numbers come from.
public enum Initializer: Sendable {
  /// All 0.
  case zeros
  /// All 1.
  case ones
  case constant(Double)
  /// Normal with mean 0.
  case normal(standardDeviation: Double)
  /// Uniform in [-bound, bound].
  case uniform(bound: Double)

  /// PyTorch's default for a linear layer or convolution: uniform within ±1/√fanIn.
  public static func fanIn(_ count: Int) -> Initializer { .uniform(bound: 1 / Double(count).squareRoot()) }

  /// Xavier's uniform rule: ±√(6 / (fanIn + fanOut)).
  public static func xavier(fanIn: Int, fanOut: Int) -> Initializer {
    .uniform(bound: (6 / Double(fanIn + fanOut)).squareRoot())
  }

  func numbers(_ count: Int, _ random: CountedRandom) -> [Float] {
    switch self {
    case .zeros: return [Float](repeating: 0, count: count)
    case .ones: return [Float](repeating: 1, count: count)
    case .constant(let value): return [Float](repeating: Float(value), count: count)
    case .normal(let deviation): return random.normals(count: count).map { $0 * Float(deviation) }
    case .uniform(let bound): return (0..<count).map { Float(random.uniform($0, in: -bound...bound)) }
    }
  }
}

/// One parameter of a model, under its state-dict name.
public struct Parameter {
  /// The name in the checkpoint.
  public let name: String
  /// The numbers, which the optimizer changes in place.
  public let tensor: Tensor
  /// The numbers as a checkpoint is to hold them: those of the file where `tensor` is rounded.
  public let saved: Tensor
}

/// Where a parameter's numbers lie.
enum ParameterPlace {
  /// In memory of their own.
  case alone
  /// In the file that they come from, if they may: a table of which few rows are read.
  case table
  /// Side by side with others.
  case rows(MatrixRows)
}

/// A model's parameters, in the order in which its parts ask for them.
///
/// Parts are built from a scoped store (`store.root["self_attn"]["q_proj"]`) that hands out what was loaded or, where
/// nothing was, new numbers that are a function of the seed and the parameter's name. The state dict's names are so
/// visible in the code, and loading, saving, freezing and optimizing need nothing else.
public final class ParameterStore {
  /// All parameters, frozen ones included.
  public private(set) var parameters: [Parameter] = []
  /// Names that were asked for and not among the loaded ones.
  public private(set) var missing: [String] = []
  /// Names whose loaded shape, or type where it may not be changed, is not the model's, with both.
  public private(set) var misshapen: [String] = []
  /// Loaded names that nothing asked for yet.
  public var unexpected: [String] { loaded.keys.sorted() }

  /// Where new parameters are put.
  public let device: Device
  /// The type of most parameters; training wants float32, frozen models may take less.
  public let dtype: DType
  /// The arithmetic of the model.
  public let precision: Precision
  /// The type of the products with frozen parameters.
  public var productType: DType {
    guard dtype == .bfloat16 else { return precision.productType(on: device) }
    return Precision.bf16.productType(on: device)
  }

  /// The type that frozen numbers asked for in `dtype` are held in: where products are not bfloat16, matrices alone are, which
  /// are widened at each use.
  private static func held(_ numbers: Tensor, as dtype: DType, on device: Device) -> DType {
    guard dtype == .bfloat16, !device.multipliesBFloat16 else { return dtype }
    return numbers.rank == 2 ? .bfloat16 : .float32
  }

  /// What is trained of a model that is otherwise frozen; nil where its policy says what is trained.
  public private(set) var adaptation: LowRankAdaptation?
  /// The adapters of linear layers, by the layers' names.
  public private(set) var adapters: OrderedDictionary<String, LowRankAdapter> = [:]
  private var isTarget: (String) -> Bool = { _ in false }
  private let heldType: (_ name: String, _ numbers: Tensor) -> DType
  /// Whether the loaded tensors are the parameters themselves, of an owner who says which are trained.
  private let isShared: Bool
  private var loaded: StateDictionary
  private let random: CountedRandom

  /// A store that hands out `loaded` and invents the rest from `seed`.
  ///
  /// - Parameters:
  ///   - isShared: whether `loaded` are the parameters themselves and not to be copied; their owner says which are trained.
  ///   - heldType: the type of each parameter, by its name and its numbers; by default `dtype`.
  public init(
    loading loaded: StateDictionary = [:], isShared: Bool = false, seed: Int, device: Device, dtype: DType = .float32,
    precision: Precision = .fp32, heldType: ((_ name: String, _ numbers: Tensor) -> DType)? = nil
  ) {
    self.loaded = loaded
    self.isShared = isShared
    self.device = device
    self.dtype = dtype
    self.precision = precision
    self.heldType = heldType ?? { Self.held($1, as: dtype, on: device) }
    random = CountedRandom(seed: seed, "parameters")
  }

  /// The scope of the whole model.
  public var root: ParameterScope { ParameterScope(store: self, path: "") }

  /// Says that `alias` is another name of the parameter `name`: files may hold either, the store keeps only `name`.
  ///
  /// PyTorch's tied weights are saved under one of their names. To be called before `name` is asked for.
  fileprivate func tie(_ alias: String, to name: String) {
    guard let found = loaded.removeValue(forKey: alias), loaded[name] == nil else { return }
    loaded[name] = found
  }

  fileprivate func parameter(
    _ name: String, _ shape: [Int], _ initialization: Initializer, _ place: ParameterPlace = .alone
  ) throws -> Tensor {
    let exact: Tensor
    // Not kept: the file is closed when the last of its tensors is released.
    let found = loaded.removeValue(forKey: name)
    if let found, found.shape == shape {
      exact = found
    } else {
      if let found {
        misshapen.append("\(name): the model has \(shape), the file \(found.shape)")
      } else {
        missing.append(name)
      }
      let numbers = initialization.numbers(shape.reduce(1, *), random.at(name))
      exact = try Tensor(numbers, shape: shape)
    }
    let held = adaptation?.trains(name) == true ? .float32 : heldType(name, exact)
    if isShared {
      if exact.dtype != .float32, exact.dtype != held {
        misshapen.append("\(name): the model takes \(held) or float32, found \(exact.dtype)")
      }
      parameters.append(Parameter(name: name, tensor: exact, saved: exact))
      return exact
    }
    let tensor = try placed(exact, as: held, place)
    let isRounded = held != exact.dtype && held.byteCount <= exact.dtype.byteCount
    parameters.append(Parameter(name: name, tensor: tensor, saved: isRounded ? exact : tensor))
    return tensor
  }

  /// The parameter of the numbers `exact`: a copy, because the optimizer writes in place.
  private func placed(_ exact: Tensor, as held: DType, _ place: ParameterPlace) throws -> Tensor {
    switch place {
    // Few rows are read, and what is bfloat16 is not trained.
    case .table where device == .cpu && held == .bfloat16 && exact.dtype == held: return exact
    case .rows(let rows):
      if let placed = try rows.place(exact, as: held, on: device) { return placed }
    default: break
    }
    return try (exact.dtype == held ? exact.clone() : exact.to(held)).to(device)
  }

  /// Gives adapters to the linear layers that are built from now on; what is loaded for one decides its rank.
  public func adapt(_ adaptation: LowRankAdaptation) throws {
    self.adaptation = adaptation
    isTarget = try adaptation.targets.matcher()
  }

  /// The adapter of the linear layer at `path`, if it is to have one.
  fileprivate func adapter(_ path: String, inputs: Int, outputs: Int) throws -> LowRankAdapter? {
    guard let adaptation, isTarget(path), !adaptation.trainsWhole(path + ".weight") else { return nil }
    let rank = loaded["\(path).lora_A.weight"]?.shape.first ?? adaptation.rank
    let adapter = LowRankAdapter(
      down: try parameter(
        "\(path).lora_A.weight", [rank, inputs], adaptation.initializer.initializer(inputs: inputs, rank: rank)),
      up: try parameter("\(path).lora_B.weight", [outputs, rank], .zeros),
      scale: adaptation.scale(of: path, rank: rank))
    adapters[path] = adapter
    return adapter
  }

  /// The modules with parameters that an adaptation selects although they are no linear layers, which alone can have
  /// adapters.
  public var unadaptable: [String] {
    guard let adaptation, adaptation.targets != .everyLinear else { return [] }
    let others = parameters.map(\.name).filter { !adaptation.trains($0) }
    let modules = OrderedSet(others.compactMap { name in name.lastIndex(of: ".").map { String(name[..<$0]) } })
    return modules.filter { adapters[$0] == nil && isTarget($0) }
  }

  /// Lets gradients reach just the parameters that `isTrainable` names, or those that an adaptation trains.
  public func setTrainable(where isTrainable: (String) -> Bool) throws {
    guard !isShared else { return }
    for parameter in parameters {
      try parameter.tensor.setRequiresGrad(adaptation?.trains(parameter.name) ?? isTrainable(parameter.name))
    }
  }

  /// The parameters that gradients reach, with their place among all of them.
  public var trainable: [(index: Int, parameter: Parameter)] {
    parameters.enumerated().filter { $0.element.tensor.requiresGrad }.map { ($0.offset, $0.element) }
  }
}

/// A place in the tree of parameter names.
public struct ParameterScope {
  let store: ParameterStore
  let path: String

  /// The arithmetic of the model.
  public var precision: Precision { store.precision }

  /// The type of the products with frozen parameters.
  public var productType: DType { store.productType }

  /// The scope below this one.
  public subscript(name: String) -> ParameterScope {
    ParameterScope(store: store, path: path.isEmpty ? name : "\(path).\(name)")
  }

  /// Says that the parameter `alias` of this scope is another name of `name` of `other`.
  public func tie(_ alias: String, to name: String, of other: ParameterScope) {
    store.tie(self[alias].path, to: other[name].path)
  }

  /// The scope of a list's element.
  public subscript(index: Int) -> ParameterScope { self["\(index)"] }

  /// The adapter of the linear layer at this scope, if the store adapts it.
  func adapter(inputs: Int, outputs: Int) throws -> LowRankAdapter? {
    try store.adapter(path, inputs: inputs, outputs: outputs)
  }

  /// The parameter `name` of this scope.
  ///
  /// - Parameters:
  ///   - shape: what the model needs; another shape in the file is noted in the store and not used.
  ///   - initialization: its first numbers where the file has none.
  public func parameter(
    _ name: String, _ shape: [Int], _ initialization: Initializer
  ) throws -> Tensor {
    try parameter(name, shape, initialization, .alone)
  }

  /// The same in a place of its own kind.
  func parameter(
    _ name: String, _ shape: [Int], _ initialization: Initializer, _ place: ParameterPlace
  ) throws -> Tensor {
    try store.parameter(self[name].path, shape, initialization, place)
  }

  /// The parameter `name` of this scope, of which single rows are read, if any.
  func table(_ name: String, _ shape: [Int], _ initialization: Initializer) throws -> Tensor {
    try parameter(name, shape, initialization, .table)
  }
}
