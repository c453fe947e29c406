import ModelFiles

/// Why a report could not be made, as one sentence that names the file.
public struct ReportError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }

  init(_ error: FileError) { description = error.description }
}
