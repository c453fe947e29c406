/// A sentence about a model, a simulation or a picture that could not be made.
public struct SimulationError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}
