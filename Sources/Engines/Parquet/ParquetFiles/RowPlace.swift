/// Where the values of a column lie in their file, so that an error can name the row that a user finds there.
indirect enum RowPlace: Sendable {
  /// Rows of the file, from this one on.
  case rows(from: Int)
  /// The elements of one value.
  case elements(of: Int, RowPlace)
  /// The elements of several values, one after another, and how many each has.
  case flattened([Int], RowPlace)

  /// Such as "row 57", or "element 2 of row 57".
  func text(_ index: Int) -> String {
    switch self {
    case .rows(let first): return "row \(first + index)"
    case .elements(let row, let parent): return "element \(index) of \(parent.text(row))"
    case .flattened(let lengths, let parent):
      var rest = index
      for (row, length) in lengths.enumerated() {
        if rest < length { return "element \(rest) of \(parent.text(row))" }
        rest -= length
      }
      return "element \(index)"
    }
  }
}
