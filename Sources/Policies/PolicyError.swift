/// A sentence about a policy, its files or its inputs: what was expected, what was found, and what mends it.
public struct PolicyError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}
