import LibTorch
import NeuralNetworks

/// A learned scalar that says how much of the memory enters at one place: `tanh(gate)`, which starts at 0.
public struct WorldGate {
  /// The gate before its tanh; a scalar.
  public let value: Tensor

  /// Below this opening the gate counts as closed.
  public static let closedBelow = 1e-6

  /// Builds it from the parameter `gate` of a scope.
  init(_ scope: ParameterScope, initialization: Double) throws {
    value = try scope.parameter("gate", [], .constant(initialization))
  }

  /// How far the gate stands open, `tanh(gate)`; a scalar.
  public func opening() throws -> Tensor { try value.tanh() }

  /// Whether the gate is so far closed that the memory would change nothing.
  public func isClosed() throws -> Bool {
    try withoutGradients { try abs(opening().item()) } < Self.closedBelow
  }
}
