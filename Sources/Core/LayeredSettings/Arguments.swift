/// A command line, split into flags and the rest before anyone knows their types.
///
/// `--name=value`, `--name value` and a bare `--name` are flags; of a flag given twice the last counts. A value that
/// begins with `--` needs the `=`.
public struct Arguments: Sendable, Equatable {
  /// One flag as it was written; a bare one has no text.
  public struct Flag: Sendable, Equatable, Decodable {
    /// The dotted name without the dashes.
    public let name: String
    /// The text after the name.
    public let text: String?
  }

  public var flags: [Flag] = []
  /// What is no flag, in order.
  public var positional: [String] = []

  /// Splits `arguments`, the program's name left out.
  public init(_ arguments: [String]) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      guard argument.hasPrefix("--"), argument.count > 2 else {
        if argument == "-h" { flags.append(Flag(name: "help", text: nil)) } else { positional.append(argument) }
        continue
      }
      let body = argument.dropFirst(2)
      if let equals = body.firstIndex(of: "=") {
        flags.append(Flag(name: String(body[..<equals]), text: String(body[body.index(after: equals)...])))
      } else if let next = rest.first, !next.hasPrefix("--"), next != "-h" {
        flags.append(Flag(name: String(body), text: rest.popFirst()))
      } else {
        flags.append(Flag(name: String(body), text: nil))
      }
    }
  }

  /// Whether `--help` or `-h` is among the flags.
  public var wantsHelp: Bool { flags.contains { $0.name == "help" } }

  /// The text of the last flag called `name`, or nil if there is none; a bare flag's text is empty.
  public func text(of name: String) -> String? { flags.last { $0.name == name }.map { $0.text ?? "" } }

  /// Gives the flags called `name` another name.
  public mutating func rename(_ name: String, to other: String) {
    flags = flags.map { $0.name == name ? Flag(name: other, text: $0.text) : $0 }
  }

  /// As `text(of:)`, and removes the flag, because the command deals with it itself.
  public mutating func take(_ name: String) -> String? {
    let found = text(of: name)
    flags.removeAll { $0.name == name }
    return found
  }

  /// The first word that is no flag, which is removed; nil if there is none.
  ///
  /// - Parameter switches: flags without a value, whose name such a word may follow: `--overwrite PATH`.
  public mutating func takePositional(after switches: [String] = []) -> String? {
    for (index, flag) in flags.enumerated() where switches.contains(flag.name) {
      guard let text = flag.text, !text.isEmpty, (try? Bool(flag: text)) == nil else { continue }
      flags[index] = Flag(name: flag.name, text: nil)
      positional.append(text)
    }
    return positional.isEmpty ? nil : positional.removeFirst()
  }
}
