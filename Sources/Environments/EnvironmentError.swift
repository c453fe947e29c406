/// A sentence about an environment that could not be made, reset, stepped or seen.
public struct EnvironmentError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}
