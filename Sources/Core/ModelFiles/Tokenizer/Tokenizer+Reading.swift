import Foundation
import OrderedCollections

extension Tokenizer {
  /// The tokenizer of a model's folder as transformers' `AutoTokenizer` reads it: `tokenizer.json`, and what
  /// `tokenizer_config.json` and `special_tokens_map.json`, if any, add to it.
  public init(directory: URL) throws {
    var reader = try TokenizerReader(contentsOf: directory.appendingPathComponent("tokenizer.json"))
    try reader.readConfiguration(in: directory)
    self = reader.finished()
  }

  public init(contentsOf url: URL) throws { self = try TokenizerReader(contentsOf: url).finished() }
}

/// Builds a tokenizer from the parts of `tokenizer.json`, and refuses by name what it does not know.
struct TokenizerReader {
  /// The file at hand, for errors.
  var path: String
  var tokenizer = Tokenizer()
  var addedTokens: [AddedToken] = []
  /// Tokens of the model itself, without added ones.
  private(set) var modelTokens = 0
  /// Whether the pre-tokenizer is nothing but ByteLevel, whose prefix space `tokenizer_config.json` decides on.
  private(set) var addsPrefixSpaceAlone = false
  /// The token that `tokenizer.json` pads with; its role unless `tokenizer_config.json` gives it to another.
  private(set) var paddingToken: JSON?

  init(contentsOf url: URL) throws {
    path = url.path
    let json = try JSON(contentsOf: url)
    try readModel(json["model"] ?? .null)
    modelTokens = tokenizer.ids.count
    try readAddedTokens(json["added_tokens"] ?? .null)
    try readNormalizer(json["normalizer"] ?? .null)
    try readPreTokenizer(json["pre_tokenizer"] ?? .null)
    try readPostProcessor(json["post_processor"] ?? .null)
    try readDecoder(json["decoder"] ?? .null)
    paddingToken = json["padding"]?["pad_token"]
    tokenizer.truncatesLeft = json["truncation"]?["direction"]?.string == "Left"
  }

  // MARK: Model

  private mutating func readModel(_ json: JSON) throws {
    guard json.object != nil else { throw malformed("it has no model") }
    if let type = json["type"]?.string, type != "BPE" { throw unsupported("the model \(type)") }
    if json["byte_fallback"]?.bool == true { throw unsupported("the model's byte_fallback") }
    if let dropout = json["dropout"]?.double, dropout > 0 { throw unsupported("the model's dropout") }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = json[key]?.string, !affix.isEmpty { throw unsupported("the model's \(key) \"\(affix)\"") }
    }
    guard let vocabulary = json["vocab"]?.object else { throw malformed("its model has no vocab") }
    for (token, value) in vocabulary { try define(token, value) }
    if json["ignore_merges"]?.bool == true { tokenizer.wholeWords = tokenizer.ids }
    tokenizer.merges.byteTokens = (UInt8.min...UInt8.max).map { tokenizer.ids[ByteAlphabet.spelling(of: [$0])] }
    if let token = json["unk_token"]?.string {
      guard let id = tokenizer.id(ofToken: token) else { throw malformed("its unk_token \"\(token)\" is no token") }
      tokenizer.merges.unknown = .init(id: id, fuses: json["fuse_unk"]?.bool == true)
    }
    try readMerges(json["merges"]?.array ?? [])
  }

  mutating func define(_ token: String, _ value: JSON) throws {
    guard case .integer(let id) = value, (0..<1 << 31).contains(id) else {
      throw malformed("token \"\(token)\" has no id, found \(value.text(.compact))")
    }
    let bytes = Array(token.utf8)
    guard tokenizer.contents[id] == nil || tokenizer.contents[id] == bytes else {
      throw malformed("id \(id) stands for two tokens, \"\(token)\" is one")
    }
    guard tokenizer.ids[bytes] == nil || tokenizer.ids[bytes] == id else {
      throw malformed("token \"\(token)\" has two ids, \(id) is one")
    }
    tokenizer.ids[bytes] = id
    tokenizer.contents[id] = bytes
  }

  /// Merges stand as `["a", "b"]` or, in older files, as `"a b"`.
  private mutating func readMerges(_ merges: [JSON]) throws {
    var rank = 0
    for merge in merges {
      if let line = merge.string, line.hasPrefix("#version") { continue }
      let parts = merge.array?.compactMap(\.string) ?? merge.string?.split(separator: " ").map(String.init) ?? []
      guard parts.count == 2, let left = tokenizer.id(ofToken: parts[0]), let right = tokenizer.id(ofToken: parts[1]),
        let result = tokenizer.ids[Array(parts[0].utf8) + Array(parts[1].utf8)]
      else { throw malformed("merge \(rank), \(merge.text(.line)), does not make a token out of two") }
      tokenizer.merges.merges[.init(left: left, right: right)] = .init(rank: rank, result: result)
      rank += 1
    }
  }

  private mutating func readAddedTokens(_ json: JSON) throws {
    for token in json.array ?? [] {
      guard let content = token["content"]?.string, let id = token["id"] else {
        throw malformed("an added token has no content or id")
      }
      try define(content, id)
      addedTokens.append(AddedToken(id: id.integer ?? 0, content: content, flags: token))
    }
  }

  // MARK: Around the model

  private mutating func readNormalizer(_ json: JSON) throws {
    guard let type = json["type"]?.string else { return }
    if type == "Sequence" {
      for part in json["normalizers"]?.array ?? [] { try readNormalizer(part) }
    } else if let form = Tokenizer.Normalization(rawValue: type) {
      tokenizer.normalizations.append(form)
    } else {
      throw unsupported("the normalizer \(type)")
    }
  }

  private mutating func readPreTokenizer(_ json: JSON) throws {
    var steps = flattened(json, "pretokenizers")[...]
    let names = steps.map { $0["type"]?.string ?? "none" }.joined(separator: " + ")
    if steps.first?["type"]?.string == "Digits", let digits = steps.popFirst() {
      tokenizer.preTokenizer.digits = digits["individual_digits"]?.bool == true ? .apart : .together
    }
    let splits = steps.first.map(isPatternSplit) == true && steps.popFirst() != nil
    guard let last = steps.popFirst(), last["type"]?.string == "ByteLevel", steps.isEmpty,
      // A space put before each of the pattern's pieces would be another cut.
      !(splits && (last["add_prefix_space"]?.bool == true || last["use_regex"]?.bool != false))
    else {
      throw unsupported("the pre-tokenizer \(names) (Digits, GPT-2's pattern and ByteLevel are, in this order)")
    }
    tokenizer.preTokenizer.addsPrefixSpace = last["add_prefix_space"]?.bool == true
    tokenizer.preTokenizer.usesPattern = splits || last["use_regex"]?.bool ?? true
    addsPrefixSpaceAlone = json["type"]?.string == "ByteLevel"
  }

  /// The steps of a sequence, and of sequences in it.
  private func flattened(_ json: JSON, _ key: String) -> [JSON] {
    guard json["type"]?.string == "Sequence" else { return [json] }
    return (json[key]?.array ?? []).flatMap { flattened($0, key) }
  }

  /// Whether a step cuts text as GPT-2's pattern does.
  private func isPatternSplit(_ json: JSON) -> Bool {
    json["type"]?.string == "Split" && json["pattern"]?["Regex"]?.string == PreTokenizer.pattern
      && json["behavior"]?.string == "Isolated" && json["invert"]?.bool != true
  }

  private mutating func readPostProcessor(_ json: JSON) throws {
    guard let type = json["type"]?.string else { return }
    switch type {
    case "ByteLevel": break  // It moves offsets, not ids.
    case "Sequence": for part in json["processors"]?.array ?? [] { try readPostProcessor(part) }
    case "TemplateProcessing":
      guard tokenizer.template.count == 1 else { throw unsupported("a post-processor with two templates") }
      tokenizer.template = []
      for part in json["single"]?.array ?? [] { tokenizer.template.append(try templatePart(part, json)) }
    default: throw unsupported("the post-processor \(type)")
    }
  }

  private func templatePart(_ part: JSON, _ json: JSON) throws -> Tokenizer.TemplatePart {
    if part["Sequence"]?["id"]?.string == "A" { return .text }
    guard let name = part["SpecialToken"]?["id"]?.string,
      let ids = json["special_tokens"]?[name]?["ids"]?.array?.compactMap(\.integer)
    else { throw malformed("its template has an unknown part, \(part.text(.compact))") }
    return .special(ids)
  }

  private func readDecoder(_ json: JSON) throws {
    guard json["type"]?.string == "ByteLevel" else {
      throw unsupported("the decoder \(json["type"]?.string ?? "null") (ByteLevel is)")
    }
  }

  func finished() -> Tokenizer {
    var tokenizer = tokenizer
    tokenizer.specialIDs = Set(addedTokens.filter(\.special).map(\.id))
    tokenizer.vocabularySize = (tokenizer.contents.keys.max() ?? -1) + 1
    tokenizer.rawFinder = AddedTokenFinder(addedTokens.filter { !$0.normalized }) { $0 }
    tokenizer.normalizedFinder = AddedTokenFinder(addedTokens.filter(\.normalized)) { tokenizer.normalized($0) }
    return tokenizer
  }

  func malformed(_ reason: String) -> FileError { .malformed(path, "the tokenizer is broken: \(reason)") }
  func unsupported(_ what: String) -> FileError { .unsupported(path, what) }
}
