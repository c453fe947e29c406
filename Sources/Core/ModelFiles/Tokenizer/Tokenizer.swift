import Foundation

/// A byte-level BPE tokenizer, read from `tokenizer.json` as the `tokenizers` package writes it.
///
/// ```swift
/// let tokenizer = try Tokenizer(directory: modelFolder)
/// let ids = tokenizer.encode("push the red block\n")
/// ```
/// Every setting that would change ids and is not known here is refused by name when the file is read. Truncation and
/// padding in `tokenizer.json` are ignored but for the side that is cut, as `transformers` does.
public struct Tokenizer: Sendable {
  /// The forms of Unicode that text may be brought into first: Foundation's, whose tables are newer than those of the
  /// `tokenizers` package, so that some recently assigned characters differ in NFKC and NFKD.
  enum Normalization: String, Sendable { case NFC, NFD, NFKC, NFKD }

  /// What stands around a text's tokens: special tokens, and once the text.
  enum TemplatePart: Sendable {
    case text
    case special([Int])
  }

  var normalizations: [Normalization] = []
  var preTokenizer = PreTokenizer()
  var merges = BytePairMerges(byteTokens: [], merges: [:])
  /// Words that need no merges: the model's own tokens, where it says `ignore_merges`.
  var wholeWords: [[UInt8]: Int] = [:]
  /// Token ids by the tokens' UTF-8, because Swift's texts are equal when only canonically equivalent.
  var ids: [[UInt8]: Int] = [:]
  var contents: [Int: [UInt8]] = [:]
  var specialIDs: Set<Int> = []
  var rawFinder = AddedTokenFinder([], spelling: { $0 })
  var normalizedFinder = AddedTokenFinder([], spelling: { $0 })
  var template: [TemplatePart] = [.text]
  var roles: [String: Int] = [:]
  /// Whether texts that are too long lose their beginning.
  var truncatesLeft = false

  /// The number of ids from 0 to the largest, the size of an embedding table.
  public internal(set) var vocabularySize = 0

  /// The id of the token spelled `token` in the vocabulary, where a space is `Ġ`; nil if there is none.
  public func id(ofToken token: String) -> Int? { ids[Array(token.utf8)] }

  /// The vocabulary's spelling of the token `id`.
  public func token(ofID id: Int) -> String? { contents[id].map { String(decoding: $0, as: UTF8.self) } }

  /// The id of the token that `tokenizer_config.json` gives a role, such as `pad_token` or `fake_image_token`.
  public func id(ofRole role: String) -> Int? { roles[role] }

  /// The id that pads short texts.
  public var paddingID: Int? { roles["pad_token"] }

  /// The ids of `text`; with `addSpecialTokens`, those that the file's template puts around it too.
  ///
  /// - Parameter maxLength: text that would have more ids, those of the template counted, is cut at its end, or at its
  ///   beginning where the files say so.
  public func encode(_ text: String, addSpecialTokens: Bool = true, maxLength: Int? = nil) -> [Int] {
    var tokens = textTokens(text)
    let template = addSpecialTokens ? template : [.text]
    if let maxLength {
      let around = template.reduce(0) { if case .special(let ids) = $1 { $0 + ids.count } else { $0 } }
      let room = max(0, maxLength - around)
      tokens = Array(truncatesLeft ? tokens.suffix(room) : tokens.prefix(room))
    }
    return template.flatMap { part in
      switch part {
      case .text: tokens
      case .special(let ids): ids
      }
    }
  }

  private func textTokens(_ text: String) -> [Int] {
    var tokens: [Int] = []
    for piece in rawFinder.split(Array(text.unicodeScalars)[...]) {
      switch piece {
      case .token(let id): tokens.append(id)
      case .text(let part):
        for piece in normalizedFinder.split(normalized(part)) {
          switch piece {
          case .token(let id): tokens.append(id)
          case .text(let part): for word in preTokenizer.words(of: part) { tokens += self.tokens(of: word) }
          }
        }
      }
    }
    return tokens
  }

  /// The text of `ids`, unknown ids left out; bytes that make no UTF-8 become U+FFFD.
  public func decode(_ ids: [Int], skipSpecialTokens: Bool = true) -> String {
    var bytes: [UInt8] = []
    for id in ids where !(skipSpecialTokens && specialIDs.contains(id)) {
      if let token = contents[id] { bytes += ByteAlphabet.bytes(spelledBy: token) }
    }
    return String(decoding: bytes, as: UTF8.self)
  }

  private func tokens(of word: ArraySlice<Unicode.Scalar>) -> [Int] {
    var bytes: [UInt8] = []
    for scalar in word { bytes.append(contentsOf: Array(String(scalar).utf8)) }
    if !wholeWords.isEmpty, let id = wholeWords[ByteAlphabet.spelling(of: bytes)] { return [id] }
    return merges.tokens(of: bytes)
  }

  private func normalized(_ scalars: ArraySlice<Unicode.Scalar>) -> ArraySlice<Unicode.Scalar> {
    guard !normalizations.isEmpty else { return scalars }
    var text = String.UnicodeScalarView()
    text.append(contentsOf: scalars)
    return Array(normalized(String(text)).unicodeScalars)[...]
  }

  /// The text in the file's normal forms.
  func normalized(_ text: String) -> String {
    normalizations.reduce(text) { text, form in
      switch form {
      // Decomposed first, because Foundation leaves a composed Hangul syllable and its final consonant apart.
      case .NFC: text.decomposedStringWithCanonicalMapping.precomposedStringWithCanonicalMapping
      case .NFD: text.decomposedStringWithCanonicalMapping
      case .NFKC: text.decomposedStringWithCompatibilityMapping.precomposedStringWithCanonicalMapping
      case .NFKD: text.decomposedStringWithCompatibilityMapping
      }
    }
  }
}
