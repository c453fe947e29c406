/// A token that is found in the text before anything else is done to it.
struct AddedToken: Sendable {
  let id: Int
  let content: String
  /// Whether it counts only between characters that are no part of a word.
  let singleWord: Bool
  /// Whether it swallows the white space before or after it.
  let stripsLeft: Bool
  let stripsRight: Bool
  /// Whether it is looked for in the normalized text.
  let normalized: Bool
  /// Whether it says something about the text rather than being a part of it.
  let special: Bool
}

extension AddedToken {
  /// A token with the flags of a file's object, or the defaults.
  ///
  /// - Parameter special: whether it is a special one whatever the file says.
  init(id: Int, content: String, flags: JSON?, special isSpecial: Bool = false) {
    let special = isSpecial || flags?["special"]?.bool == true
    self.init(
      id: id, content: content, singleWord: flags?["single_word"]?.bool == true,
      stripsLeft: flags?["lstrip"]?.bool == true, stripsRight: flags?["rstrip"]?.bool == true,
      normalized: flags?["normalized"]?.bool ?? !special, special: special)
  }
}

/// Finds added tokens in text: leftmost first, of those the longest.
struct AddedTokenFinder: Sendable {
  enum Piece {
    case token(Int)
    case text(ArraySlice<Unicode.Scalar>)
  }

  private struct Pattern: Sendable {
    let scalars: [Unicode.Scalar]
    let token: AddedToken
  }

  /// The patterns by their first character, longest first.
  private var patterns: [Unicode.Scalar: [Pattern]] = [:]

  /// A finder of `tokens`, each spelled as `spelling` says.
  init(_ tokens: [AddedToken], spelling: (String) -> String) {
    for token in tokens {
      let scalars = Array(spelling(token.content).unicodeScalars)
      guard let first = scalars.first else { continue }
      let known = patterns[first, default: []]
      let place = known.firstIndex { $0.scalars.count < scalars.count } ?? known.count
      patterns[first, default: []].insert(Pattern(scalars: scalars, token: token), at: place)
    }
  }

  /// The text cut into added tokens and what lies between them; empty text gives nothing.
  func split(_ text: ArraySlice<Unicode.Scalar>) -> [Piece] {
    guard !patterns.isEmpty else { return text.isEmpty ? [] : [.text(text)] }
    var pieces: [Piece] = []
    var done = text.startIndex
    var position = text.startIndex
    while position < text.endIndex {
      guard let match = patterns[text[position]]?.first(where: { text[position...].starts(with: $0.scalars) }) else {
        position += 1
        continue
      }
      var (start, end) = (position, position + match.scalars.count)
      position = end
      if match.token.singleWord, !standsAlone(start..<end, in: text) { continue }
      if match.token.stripsLeft {
        while start > max(done, text.startIndex), text[start - 1].properties.isWhitespace { start -= 1 }
      }
      if match.token.stripsRight {
        while end < text.endIndex, text[end].properties.isWhitespace { end += 1 }
      }
      if done < start { pieces.append(.text(text[done..<start])) }
      pieces.append(.token(match.token.id))
      done = end
    }
    if done < text.endIndex { pieces.append(.text(text[done...])) }
    return pieces
  }

  private func standsAlone(_ range: Range<Int>, in text: ArraySlice<Unicode.Scalar>) -> Bool {
    let before = range.lowerBound == text.startIndex || !text[range.lowerBound - 1].isWordCharacter
    let after = range.upperBound == text.endIndex || !text[range.upperBound].isWordCharacter
    return before && after
  }
}
