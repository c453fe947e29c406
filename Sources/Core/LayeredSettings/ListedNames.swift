/// The names of a list that is written with commas or white space between them.
public func listedNames(_ text: String) -> [String] {
  text.split { $0 == "," || $0.isWhitespace }.map(String.init)
}
