extension String {
  /// The text with U+FFFD for what a terminal would obey, such as an escape in a folder's name; lines still end.
  public var withoutControls: String {
    var scalars = UnicodeScalarView()
    for scalar in unicodeScalars {
      let isControl = scalar.properties.generalCategory == .control && scalar != "\n"
      scalars.append(isControl ? "\u{FFFD}" : scalar)
    }
    return String(scalars)
  }

  /// The text on one line, however an engine broke it, with at most 200 characters of a word that is longer than any path
  /// that people write, and its length.
  public var asSentence: String {
    split(whereSeparator: \.isWhitespace).map { word in
      word.count > 300 ? "\(word.prefix(200))… (\(word.count) characters)" : String(word)
    }.joined(separator: " ").withoutControls
  }
}
