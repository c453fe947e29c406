/// A table for a terminal: a head, a rule and rows; the first column on the left, numbers on the right, texts on the left.
struct TextTable {
  let lines: [String]

  /// - Parameters:
  ///   - rows: the head first, all of as many cells.
  ///   - holdsTexts: whether all columns are texts.
  init(_ rows: [[String]], holdsTexts: Bool = false) {
    let widths = (rows.first ?? []).indices.map { column in rows.map { $0[column].count }.max() ?? 0 }
    var lines = rows.map { cells in
      zip(cells, widths).enumerated().map { index, cell in
        let space = String(repeating: " ", count: cell.1 - cell.0.count)
        return index == 0 || holdsTexts ? cell.0 + space : space + cell.0
      }.joined(separator: "  ")
    }
    lines.insert(String(repeating: "─", count: lines.first?.count ?? 0), at: min(1, lines.count))
    self.lines = lines
  }
}
