/// How text is cut into words before byte pairs are merged within each.
struct PreTokenizer: Sendable {
  /// How numbers are cut off from the text around them, if at all.
  enum Digits: Sendable { case together, apart }

  /// The cuts around numbers, made first.
  var digits: Digits?
  /// Whether every piece that does not begin with a space gets one.
  var addsPrefixSpace = false
  /// Whether GPT-2's pattern cuts the pieces further.
  var usesPattern = true

  /// The words of `text`, in order and without gaps; each a run of scalars.
  func words(of text: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
    pieces(of: text).flatMap { piece in
      let piece = addsPrefixSpace && piece.first != " " ? [" "] + piece : piece
      return usesPattern ? Self.patternMatches(in: piece) : [piece]
    }
  }

  private func pieces(of text: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
    guard let digits else { return [text] }
    var pieces: [ArraySlice<Unicode.Scalar>] = []
    var start = text.startIndex
    while start < text.endIndex {
      let numeric = text[start].isNumeric
      var end = start + 1
      if !numeric || digits == .together {
        while end < text.endIndex, text[end].isNumeric == numeric { end += 1 }
      }
      pieces.append(text[start..<end])
      start = end
    }
    return pieces
  }

  /// GPT-2's pattern.
  static let pattern = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  private static func patternMatches(in text: ArraySlice<Unicode.Scalar>) -> [ArraySlice<Unicode.Scalar>] {
    var words: [ArraySlice<Unicode.Scalar>] = []
    var start = text.startIndex
    while start < text.endIndex {
      let end = contractionEnd(in: text[start...]) ?? runEnd(in: text[start...])
      words.append(text[start..<end])
      start = end
    }
    return words
  }

  private static func contractionEnd(in text: ArraySlice<Unicode.Scalar>) -> Int? {
    guard text.first == "'" else { return nil }
    let rest = text.dropFirst()
    for ending in contractions where rest.starts(with: ending) { return rest.startIndex + ending.count }
    return nil
  }

  private static let contractions: [[Unicode.Scalar]] = ["s", "t", "re", "ve", "m", "ll", "d"].map {
    Array($0.unicodeScalars)
  }

  /// The end of a run of letters, numbers or other visible characters with an optional space before, or of white space.
  private static func runEnd(in text: ArraySlice<Unicode.Scalar>) -> Int {
    let first = text.startIndex
    let body = text[first] == " " && first + 1 < text.endIndex ? first + 1 : first
    let kind = text[body].kind
    if kind != .space {
      return text[body...].firstIndex { $0.kind != kind } ?? text.endIndex
    }
    guard let end = text[first...].firstIndex(where: { $0.kind != .space }) else { return text.endIndex }
    // The last space belongs to the word after it, unless it is the only one.
    return max(end - 1, first + 1)
  }
}

extension Unicode.Scalar {
  enum Kind { case letter, number, space, other }

  /// The pattern's class of this character.
  var kind: Kind {
    if isASCII {
      switch value {
      case 0x41...0x5A, 0x61...0x7A: return .letter
      case 0x30...0x39: return .number
      case 0x09...0x0D, 0x20: return .space
      default: return .other
      }
    }
    if properties.isWhitespace { return .space }
    switch properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
    case .decimalNumber, .letterNumber, .otherNumber: return .number
    default: return .other
    }
  }

  var isNumeric: Bool { kind == .number }

  /// A character of a word in the sense of a regular expression's `\w`.
  var isWordCharacter: Bool {
    if properties.isAlphabetic || properties.isJoinControl { return true }
    return switch properties.generalCategory {
    case .nonspacingMark, .spacingMark, .enclosingMark, .decimalNumber, .connectorPunctuation: true
    default: false
    }
  }
}
