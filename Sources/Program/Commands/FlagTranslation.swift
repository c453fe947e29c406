import LayeredSettings

/// Rewrites the settings that library modules name in their errors as flags of the command that was run.
///
/// `` `normalization=dataset` `` becomes `--policy.normalization=dataset`, and `` `precompute overwrite` ``, which names
/// a command first, becomes `lerobot-wm-precompute --overwrite`, and a command alone `lerobot-wm train`. Other text in
/// backquotes stays as it is.
struct FlagTranslation {
  /// The dotted names of the command's settings, of those that it passes on, and of those that other commands have.
  let own: [String], passedOn: [String], others: [String]
  /// The names of the program's commands.
  let commands: [String]

  /// Makes the translation of the command that runs, which takes longer than most messages need.
  struct Source: Sendable {
    let make: @Sendable () -> FlagTranslation
  }

  // A structure, because Swift 6.3's optimizer miscompiles task-local values that are functions themselves.
  @TaskLocal static var source: Source?

  /// Translates a message of the command that runs.
  static func translated(_ message: String) -> String {
    guard message.contains("`"), let source else { return message }
    return source.make()(message)
  }

  func callAsFunction(_ message: String) -> String {
    var parts = message.components(separatedBy: "`")
    // Without a closing backquote nothing is quoted.
    guard parts.count % 2 == 1 else { return message }
    for index in stride(from: 1, to: parts.count, by: 2) {
      parts[index] = translated(parts[index]) ?? "`\(parts[index])`"
    }
    return parts.joined()
  }

  private func translated(_ quoted: String) -> String? {
    var words = Self.words(quoted)
    guard let first = words.first else { return nil }
    guard words.count > 1 else { return flag(first) ?? (commands.contains(first) ? "lerobot-wm \(first)" : nil) }
    guard commands.contains(first) else { return nil }
    words.removeFirst()
    return (["lerobot-wm-\(first)"] + words.map { "--\($0)" }).joined(separator: " ")
  }

  /// The words between spaces that no shell quotes enclose, with their quotes.
  private static func words(_ text: String) -> [String] {
    var words = [""]
    var isQuoted = false
    for character in text {
      if character == "'" { isQuoted.toggle() }
      if character == " ", !isQuoted { words.append("") } else { words[words.count - 1].append(character) }
    }
    return words.filter { !$0.isEmpty }
  }

  private func flag(_ setting: String) -> String? {
    let key = String(setting.prefix { $0 != "=" })
    guard let name = [own, passedOn, others].lazy.compactMap({ name(of: key, in: $0) }).first else { return nil }
    return "--\(name)\(setting.dropFirst(key.count))"
  }

  /// The setting of this name; else the policy's, else the only one whose last components are the key.
  private func name(of key: String, in names: [String]) -> String? {
    if let name = [key, "policy.\(key)"].first(where: names.contains) { return name }
    let candidates = Set(names.filter { $0.hasSuffix(".\(key)") })
    return candidates.count == 1 ? candidates.first : nil
  }
}
