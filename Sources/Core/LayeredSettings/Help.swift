import ModelFiles

extension Configured {
  /// The text of `--help`, in groups as LeRobot's: usage, the settings by section with type and present value, examples.
  ///
  /// - Parameters:
  ///   - usage: the line after "usage:".
  ///   - summary: what the command does.
  ///   - operands: what may stand before the flags, and what it is.
  ///   - also: flags that the command itself knows, and what they do.
  ///   - examples: command lines, shown at the end.
  ///   - width: the columns of the terminal; more than 120 are not used, nor fewer than 60.
  ///   - emphasis: whether titles stand out, for a terminal that can.
  public func help(
    usage: String, summary: String = "", operands: [(String, String)] = [], also: [(flag: String, help: String)] = [],
    examples: [String] = [],
    width: Int = 100, emphasis: Bool = false
  ) -> String {
    var groups: [(title: String, rows: [HelpRow])] = [
      ("arguments", operands.map { HelpRow(flag: $0, $1) }),
      ("options", also.map { HelpRow(flag: "--\($0.flag)", $0.help) }),
    ]
    for leaf in value.leaves where leaf.role != .absence {
      let section = leaf.path.dropLast().joined(separator: ".")
      let title = section.isEmpty ? leaf.group : "\(leaf.group) ['\(section)']"
      if !groups.contains(where: { $0.title == title }) { groups.append((title, [])) }
      guard let index = groups.firstIndex(where: { $0.title == title }) else { continue }
      groups[index].rows.append(HelpRow(leaf))
    }
    let layout = HelpLayout(width: min(max(width, 60), 120))
    func title(_ text: String) -> String { emphasis ? "\u{1B}[1m\(text)\u{1B}[0m" : text }
    var lines = ["\(title("usage:")) \(usage)"]
    if !summary.isEmpty { lines += [""] + layout.wrapped(summary, width: layout.width) }
    for group in groups where !group.rows.isEmpty {
      lines += ["", title(group.title + ":")] + group.rows.flatMap(layout.lines)
    }
    if !examples.isEmpty { lines += ["", title("examples:")] + examples.flatMap(layout.commandLine) }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// A flag and what help says of it.
private struct HelpRow {
  let flag: String
  let text: String
  /// Stands at the end and is not broken over lines.
  let ending: String

  init(flag: String, _ text: String) { (self.flag, self.text, ending) = (flag, text, "") }

  init(_ leaf: Leaf) {
    flag = "--\(leaf.name) \(leaf.typeName)"
    let present = leaf.value ?? .null
    let shown = present.string.map { $0.isEmpty ? "\"\"" : $0 } ?? present.text(.compact)
    text = leaf.help
    ending = "(\(leaf.range.map { $0 + ", " } ?? "")default: \(shown))"
  }
}

/// Two columns: flags on the left, wrapped text on the right; a long flag has a line of its own.
private struct HelpLayout {
  let width: Int
  private var column: Int { width < 90 ? 26 : 42 }

  func lines(_ row: HelpRow) -> [String] {
    let text = wrapped(row.text, row.ending, width: width - column)
    let left = "  " + row.flag
    let indent = String(repeating: " ", count: column)
    guard left.count + 2 <= column, let first = text.first else { return [left] + text.map { indent + $0 } }
    return [left + indent.dropFirst(left.count) + first] + text.dropFirst().map { indent + $0 }
  }

  func wrapped(_ text: String, _ ending: String = "", width: Int) -> [String] {
    let words = text.split(separator: " ").map(String.init) + [ending].filter { !$0.isEmpty }
    return fill(words.flatMap { pieces($0, width: width) }, width: width)
  }

  /// A command line as a shell takes it, broken before flags.
  func commandLine(_ text: String) -> [String] {
    let flags = text.split(separator: " --").enumerated().map { $0 == 0 ? String($1) : "--\($1)" }
    let lines = fill(flags, width: width - 6)
    return lines.enumerated().map { index, line in
      (index == 0 ? "  " : "    ") + line + (index == lines.count - 1 ? "" : " \\")
    }
  }

  private func fill(_ words: [String], width: Int) -> [String] {
    var lines: [String] = []
    for word in words {
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = "\(last) \(word)"
      } else {
        lines.append(word)
      }
    }
    return lines
  }

  /// A word that is longer than a line, such as a whole JSON object, broken behind commas where it can be.
  private func pieces(_ word: String, width: Int) -> [String] {
    var pieces: [String] = []
    var rest = word[...]
    while rest.count > width {
      let line = rest.prefix(width)
      let end = line.lastIndex(of: ",").map(line.index(after:)) ?? line.endIndex
      pieces.append(String(rest[..<end]))
      rest = rest[end...]
    }
    return pieces + [String(rest)]
  }
}
