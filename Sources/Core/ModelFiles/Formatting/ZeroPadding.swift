extension String {
  /// The digits of a number with zeros before them, `width` characters or more.
  package func zeroPadded(to width: Int) -> String { String(repeating: "0", count: max(0, width - count)) + self }
}
