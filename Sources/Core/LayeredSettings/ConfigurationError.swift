/// A setting that cannot be as it was given: where it was given, its name and what is wrong.
public struct ConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// Where settings come from, the later over the earlier.
  public enum Layer: Equatable, Sendable {
    /// A JSON file, by its path.
    case file(String)
    case flags
  }

  /// The setting's dotted name, such as `policy.chunk_size`; empty where no single one is to blame.
  public var name: String
  /// What was expected and what was found.
  public var reason: String
  /// Where the setting came from.
  public var layer: Layer

  /// An error about the setting `name`.
  public init(_ name: String, _ reason: String, in layer: Layer = .flags) {
    self.name = name
    self.reason = reason
    self.layer = layer
  }

  /// One sentence that names the setting, and the file where it came from one.
  public var description: String {
    switch layer {
    case .file(let path): [path, name, reason].filter { !$0.isEmpty }.joined(separator: ": ")
    case .flags: name.isEmpty ? reason : "--\(name): \(reason)"
    }
  }

  /// The same error, told from the section that holds this one under the name `section`, or with `prefix` before each
  /// setting's name.
  func within(_ section: String?, prefix: String) -> ConfigurationError {
    var error = self
    error.name = [section, name.isEmpty ? nil : prefix + name].compactMap(\.self).joined(separator: ".")
    return error
  }
}

/// A value that is not of its setting's type.
public struct ConfigurationValueError: Error, Equatable, Sendable {
  /// What was expected, such as "an integer".
  public let expected: String
  /// What was found, as it was written.
  public let found: String

  public init(expected: String, found: String) {
    self.expected = expected
    self.found = found
  }

  /// Both, as part of a sentence.
  public var reason: String { "expected \(expected), found \(found)" }
}
