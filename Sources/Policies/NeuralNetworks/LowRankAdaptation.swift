import Failures
import LibTorch

/// Modules by their names in a model, as peft's `target_modules` selects them.
public enum ModuleSelection: Sendable, Equatable {
  /// A regular expression that the whole name matches.
  case pattern(String)
  /// Whole names, or ends of names after a dot.
  case names([String])
  /// Whole names alone, such as those of an adapter's weights.
  case exactly([String])
  /// Every linear layer.
  case everyLinear

  /// Whether a module is selected, by its name.
  func matcher() throws -> (String) -> Bool {
    switch self {
    case .everyLinear: return { _ in true }
    case .exactly(let names): return Set(names).contains
    case .names(let names):
      let whole = Set(names)
      return { name in whole.contains(name) || names.contains { LowRankAdaptation.isModule(name, named: $0) } }
    case .pattern(let pattern):
      let regex: Regex<AnyRegexOutput>
      do { regex = try Regex(pattern) } catch {
        throw Failure("`target_modules`: \(pattern) is not a valid regular expression: \(message(of: error))")
      }
      return { (try? regex.wholeMatch(in: $0)) != nil }
    }
  }
}

/// The first numbers of a new adapter's first matrix; the second begins with zeros, so that nothing changes at first.
public enum AdapterInitializer: Sendable, Equatable {
  /// Uniform within ±1/√inputs.
  case uniform
  /// Normal with standard deviation 1/rank.
  case gaussian

  func initializer(inputs: Int, rank: Int) -> Initializer {
    switch self {
    case .uniform: .fanIn(inputs)
    case .gaussian: .normal(standardDeviation: 1 / Double(rank))
    }
  }
}

/// The alpha of modules whose names are, or end with, a name.
public struct ModuleAlpha: Sendable, Equatable {
  let module: String
  let alpha: Double

  public init(module: String, alpha: Double) { (self.module, self.alpha) = (module, alpha) }
}

/// Which parts of a frozen model are trained, and how: low-rank changes of linear layers (Hu et al., "LoRA", 2021), and
/// modules that are trained whole.
public struct LowRankAdaptation: Sendable, Equatable {
  /// The ranks that the two factors of a change may have.
  public static let ranks = 1...1 << 12

  /// The rank of a new adapter.
  public var rank: Int
  /// A change is multiplied by alpha / rank.
  public var alpha: Double
  /// Whether it is multiplied by alpha / √rank instead.
  public var isRankStabilized = false
  /// The alphas of modules that have another one; the first that fits a module counts.
  public var alphas: [ModuleAlpha] = []
  /// The linear layers with adapters.
  public var targets: ModuleSelection
  /// Ends of the names of modules that are trained whole.
  public var trainedWhole: [String] = []
  public var initializer = AdapterInitializer.uniform

  public init(rank: Int, alpha: Double, targets: ModuleSelection) {
    (self.rank, self.alpha, self.targets) = (rank, alpha, targets)
  }

  /// What the change of a module is multiplied by, given its rank.
  func scale(of module: String, rank: Int) -> Double {
    let own = alphas.first { Self.isModule(module, named: $0.module) }?.alpha ?? alpha
    return own / (isRankStabilized ? Double(rank).squareRoot() : Double(rank))
  }

  /// Whether a parameter is trained, by its name.
  public func trains(_ parameter: String) -> Bool { Self.isFactor(parameter) || trainsWhole(parameter) }

  /// Whether a parameter lies in a module that is trained whole.
  public func trainsWhole(_ parameter: String) -> Bool { wholeModule(of: parameter) != nil }

  /// The outermost module around a parameter that is trained whole.
  func wholeModule(of parameter: String) -> Substring? {
    guard !trainedWhole.isEmpty else { return nil }
    let modules = parameter.indices.lazy.filter { parameter[$0] == "." }.map { parameter[..<$0] }
    return modules.first { module in trainedWhole.contains(where: module.hasSuffix) }
  }

  /// Whether a module's path is a name, or ends with it after a dot.
  public static func isModule(_ path: String, named name: String) -> Bool { path == name || path.hasSuffix(".\(name)") }

  /// Whether a parameter is a factor of a change.
  public static func isFactor(_ parameter: String) -> Bool { layer(of: parameter) != nil }

  /// The linear layer that a factor belongs to; nil for another parameter.
  public static func layer(of parameter: String) -> String? {
    for end in [".lora_A.weight", ".lora_B.weight"] where parameter.hasSuffix(end) {
      return String(parameter.dropLast(end.count))
    }
    return nil
  }
}

/// The low-rank change of a linear layer, `scale · up · down`.
public struct LowRankAdapter {
  /// [rank, in], `lora_A` in files.
  public let down: Tensor
  /// [out, rank], `lora_B` in files.
  public let up: Tensor
  let scale: Double

  /// What is added to the layer's output: […, in] → […, out].
  func callAsFunction(_ input: Tensor) throws -> Tensor {
    // Held in float32, and rounded where the layer computes in bfloat16.
    try input.linear(down.to(input.dtype), nil).linear(up.to(input.dtype), nil) * scale
  }

  /// The change of the layer's weight, [out, in].
  public func change() throws -> Tensor { try up.matmul(down) * scale }
}

extension ParameterStore {
  /// What peft puts before the names of an adapter's weights.
  public static let adapterPrefix = "base_model.model."

  /// What an adaptation trains, under peft's names.
  public var adapterState: StateDictionary {
    var state: StateDictionary = [:]
    for parameter in parameters where adaptation?.trains(parameter.name) == true {
      state[Self.adapterPrefix + parameter.name] = parameter.saved
    }
    return state
  }

  /// The place of each parameter in the optimizer of LeRobot, and the number of places: peft keeps the former parameters of
  /// a module that is trained whole, just before those that are trained.
  public var optimizerPlaces: (places: [Int], count: Int) {
    let modules = parameters.map { adaptation?.wholeModule(of: $0.name) }
    var places: [Int] = []
    var count = 0
    for (index, module) in modules.enumerated() {
      if let module, index == 0 || modules[index - 1] != module {
        count += modules[index...].prefix { $0 == module }.count
      }
      places.append(count)
      count += 1
    }
    return (places, count)
  }

  /// All parameters as a checkpoint is to hold them, with the adapters' changes added to the weights that they change.
  public func mergedState() throws -> StateDictionary {
    var state: StateDictionary = [:]
    for parameter in parameters where !LowRankAdaptation.isFactor(parameter.name) {
      state[parameter.name] = parameter.saved
    }
    try withoutGradients {
      for (layer, adapter) in adapters {
        guard let weight = state[layer + ".weight"] else { continue }
        let change = try adapter.change().to(weight.device)
        state[layer + ".weight"] = try weight.to(.float32) + change
      }
    }
    return state
  }
}
