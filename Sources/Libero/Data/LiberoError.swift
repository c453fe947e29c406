/// A sentence about a LIBERO task, file or scene that cannot be used.
public struct LiberoError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}
