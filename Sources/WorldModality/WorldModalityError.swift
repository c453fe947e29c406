/// A sentence about a world encoder, a latent cache or the world settings: what was expected, what was found, and what
/// mends it.
public struct WorldModalityError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}
