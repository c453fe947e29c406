import Foundation

/// A repository on the hub, by kind and name.
public struct HubRepository: Sendable, Equatable, CustomStringConvertible {
  public enum Kind: String, Sendable {
    /// A model's configuration and weights.
    case model
    case dataset
  }

  public let kind: Kind
  /// Its name: `owner/name`, or `name` alone for the hub's oldest models.
  public let name: String

  /// Checks a name.
  ///
  /// - Throws: if it is no repository's name: one or two words of letters, digits, `-`, `_` and `.`, without `--` or `..`.
  public init(_ kind: Kind, _ name: String) throws(HubError) {
    guard Self.isName(name) else {
      throw HubError("expected a folder or a \(kind.rawValue) repository such as owner/name, found \"\(name)\"")
    }
    self.kind = kind
    self.name = name
  }

  /// Whether a text can be a repository's name.
  public static func isName(_ text: String) -> Bool {
    let words = text.split(separator: "/", omittingEmptySubsequences: false)
    return (1...2).contains(words.count) && text.utf8.count <= 192 && !text.contains("--") && !text.contains("..")
      && words.allSatisfy { word in
        word.utf8.allSatisfy { Character(UnicodeScalar($0)).isNameCharacter } && !word.isEmpty
          && !word.hasPrefix(".") && !word.hasPrefix("-") && !word.hasSuffix(".") && !word.hasSuffix("-")
      }
  }

  /// Whether a name may be meant as a path: by its form, or because its first part is a folder here.
  public static func mayBePath(_ name: String) -> Bool {
    let parts = name.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, ["", ".", "..", "~"].allSatisfy({ $0 != parts[0] }) else { return name.contains("/") }
    return ModelLocation.isDirectory(URL(fileURLWithPath: String(parts[0])))
  }

  /// Whether a text can be a branch, tag or commit, and a relative path below a folder of references.
  static func isRevision(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.count <= 200
      && text.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { word in
        !word.isEmpty && !word.hasPrefix(".") && !word.contains("..")
          && word.utf8.allSatisfy { Character(UnicodeScalar($0)).isNameCharacter || $0 == UInt8(ascii: "+") }
      }
  }

  /// Whether a text is a whole commit's number.
  static func isCommit(_ text: String) -> Bool { text.utf8.count == 40 && text.allSatisfy(\.isHexDigit) }

  /// Such as `lerobot/smolvla_base` or `dataset lerobot/libero-assets`.
  public var description: String { kind == .model ? name : "dataset \(name)" }

  /// The folder's name in a cache, as huggingface_hub makes it.
  var folderName: String { "\(kind.rawValue)s--" + name.replacingOccurrences(of: "/", with: "--") }

  /// The address below the endpoint that the API answers to.
  var apiPath: String { "/api/\(kind.rawValue)s/\(name)" }

  /// The address below the endpoint that people and git use.
  var path: String { kind == .model ? "/\(name)" : "/datasets/\(name)" }
}

extension Character {
  fileprivate var isNameCharacter: Bool { isASCII && (isLetter || isNumber || "-_.".contains(self)) }
}
