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
}
