/// An error that one sentence describes: what was expected, what was found, and what fixes it.
///
/// A setting is named in backquotes by its key, with a value if one is recommended: `` `normalization=dataset` ``.
/// The command line prints it as the flag that sets it. Modules declare an error type of their own only where a caller
/// branches on the case.
public struct Failure: Error, CustomStringConvertible, Equatable, Sendable {
  public let description: String

  public init(_ description: String) { self.description = description }
}
