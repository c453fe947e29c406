import ModelFiles

extension Configured {
  /// The text of `--help`: usage, the settings by section with their present values, and examples.
  ///
  /// - Parameters:
  ///   - usage: the line after "Usage:".
  ///   - also: flags that the command itself knows, and what they do.
  ///   - examples: command lines, shown at the end.
  ///   - width: the columns of the terminal; more than 100 are not used.
  public func help(
    usage: String, also: [(flag: String, help: String)] = [], examples: [String] = [], width: Int = 100
  ) -> String {
    var groups: [(title: String, rows: [(String, String)])] = [("", also.map { ("--\($0.flag)", $0.help) })]
    for leaf in value.leaves where leaf.role != .absence {
      let title = leaf.path.dropLast().joined(separator: ".")
      if !groups.contains(where: { $0.title == title }) { groups.append((title, [])) }
      guard let index = groups.firstIndex(where: { $0.title == title }) else { continue }
      groups[index].rows.append(row(of: leaf))
    }
    var lines = ["Usage: \(usage)"]
    for group in groups where !group.rows.isEmpty {
      lines += ["", group.title.isEmpty ? "Settings:" : "Settings of \(group.title):"]
      lines += group.rows.flatMap { layOut($0.0, $0.1, width: min(width, 100)) }
    }
    if !examples.isEmpty { lines += ["", "Examples:"] + examples.map { "  \($0)" } }
    return lines.joined(separator: "\n") + "\n"
  }

  private func row(of leaf: Leaf<Section>) -> (String, String) {
    let present = leaf.json(value) ?? .null
    let text = present == .null ? "…" : present.string ?? present.text(.compact)
    let choices = leaf.typeDescription.hasPrefix("one of ") ? " (\(leaf.typeDescription))" : ""
    return ("--\(leaf.name)=\(text)", leaf.help + choices)
  }

  /// A flag in the left column and its help in the right, wrapped; long flags have a line of their own.
  private func layOut(_ flag: String, _ help: String, width: Int) -> [String] {
    let column = 40
    var lines = wrap(help, width: max(20, width - column))
    let left = "  \(flag)"
    let indent = String(repeating: " ", count: column)
    if left.count + 2 > column { lines.insert("", at: 0) }
    return lines.enumerated().map { index, line in
      let start = index == 0 ? left + String(repeating: " ", count: max(0, column - left.count)) : indent
      return line.isEmpty ? left : start + line
    }
  }

  private func wrap(_ text: String, width: Int) -> [String] {
    var lines = [""]
    for word in text.split(separator: " ") {
      let last = lines[lines.count - 1]
      if !last.isEmpty, last.count + 1 + word.count > width {
        lines.append(String(word))
      } else {
        lines[lines.count - 1] = last.isEmpty ? String(word) : "\(last) \(word)"
      }
    }
    return lines
  }
}
