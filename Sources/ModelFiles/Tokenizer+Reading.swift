import Foundation
import OrderedCollections

extension Tokenizer {
  /// The tokenizer of a model's folder: `tokenizer.json`, and the roles that `tokenizer_config.json`, if any, gives.
  public init(directory: URL) throws(FileError) {
    try self.init(contentsOf: directory.appendingPathComponent("tokenizer.json"))
    let url = directory.appendingPathComponent("tokenizer_config.json")
    guard FileManager.default.fileExists(atPath: url.path) else { return }
    let configuration = try JSON(contentsOf: url)
    for (_, token) in configuration["added_tokens_decoder"]?.object ?? [:] {
      guard let content = token["content"]?.string, id(ofToken: content) != nil else {
        throw .unsupported(url.path, "an added token that tokenizer.json lacks, \(token.text(.compact)),")
      }
    }
    let named = configuration.object ?? [:]
    let extra = configuration["extra_special_tokens"]?.object ?? [:]
    for (role, value) in Array(named) + Array(extra) where role.hasSuffix("_token") {
      if let content = value.string ?? value["content"]?.string { roles[role] = id(ofToken: content) }
    }
  }

  /// The tokenizer in the `tokenizer.json` at `url`.
  public init(contentsOf url: URL) throws(FileError) {
    let json = try JSON(contentsOf: url)
    var reader = TokenizerReader(path: url.path)
    try reader.readModel(json["model"] ?? .null)
    try reader.readAddedTokens(json["added_tokens"] ?? .null)
    try reader.readNormalizer(json["normalizer"] ?? .null)
    try reader.readPreTokenizer(json["pre_tokenizer"] ?? .null)
    try reader.readPostProcessor(json["post_processor"] ?? .null)
    try reader.readDecoder(json["decoder"] ?? .null)
    self = reader.finished()
  }
}

/// Builds a tokenizer from the parts of `tokenizer.json`, and refuses by name what it does not know.
private struct TokenizerReader {
  let path: String
  var tokenizer = Tokenizer()
  var addedTokens: [AddedToken] = []

  init(path: String) { self.path = path }

  // MARK: Model

  mutating func readModel(_ json: JSON) throws(FileError) {
    guard json.object != nil else { throw malformed("it has no model") }
    if let type = json["type"]?.string, type != "BPE" { throw unsupported("the model \(type)") }
    if json["byte_fallback"]?.bool == true { throw unsupported("the model's byte_fallback") }
    if let dropout = json["dropout"]?.double, dropout > 0 { throw unsupported("the model's dropout") }
    for key in ["continuing_subword_prefix", "end_of_word_suffix"] {
      if let affix = json[key]?.string, !affix.isEmpty { throw unsupported("the model's \(key) \"\(affix)\"") }
    }
    guard let vocabulary = json["vocab"]?.object else { throw malformed("its model has no vocab") }
    for (token, value) in vocabulary { try define(token, value) }
    tokenizer.prefersWholeWords = json["ignore_merges"]?.bool == true
    tokenizer.merges.byteTokens = (UInt8.min...UInt8.max).map { tokenizer.ids[ByteAlphabet.spelling(of: [$0])] }
    if let token = json["unk_token"]?.string {
      guard let id = tokenizer.id(ofToken: token) else { throw malformed("its unk_token \"\(token)\" is no token") }
      tokenizer.merges.unknown = .init(id: id, fuses: json["fuse_unk"]?.bool == true)
    }
    try readMerges(json["merges"]?.array ?? [])
  }

  private mutating func define(_ token: String, _ value: JSON) throws(FileError) {
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
  private mutating func readMerges(_ merges: [JSON]) throws(FileError) {
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

  mutating func readAddedTokens(_ json: JSON) throws(FileError) {
    for token in json.array ?? [] {
      guard let content = token["content"]?.string, let id = token["id"] else {
        throw malformed("an added token has no content or id")
      }
      try define(content, id)
      let special = token["special"]?.bool == true
      let added = AddedToken(
        id: id.integer ?? 0, content: content, singleWord: token["single_word"]?.bool == true,
        stripsLeft: token["lstrip"]?.bool == true, stripsRight: token["rstrip"]?.bool == true,
        normalized: token["normalized"]?.bool ?? !special, special: special)
      addedTokens.append(added)
      if special { tokenizer.specialIDs.insert(added.id) }
    }
  }

  // MARK: Around the model

  mutating func readNormalizer(_ json: JSON) throws(FileError) {
    guard let type = json["type"]?.string else { return }
    if type == "Sequence" {
      for part in json["normalizers"]?.array ?? [] { try readNormalizer(part) }
    } else if let form = Tokenizer.Normalization(rawValue: type) {
      tokenizer.normalizations.append(form)
    } else {
      throw unsupported("the normalizer \(type)")
    }
  }

  mutating func readPreTokenizer(_ json: JSON) throws(FileError) {
    let isSequence = json["type"]?.string == "Sequence"
    var steps = (isSequence ? json["pretokenizers"]?.array ?? [] : [json])[...]
    if steps.first?["type"]?.string == "Digits", let digits = steps.popFirst() {
      tokenizer.preTokenizer.digits = digits["individual_digits"]?.bool == true ? .apart : .together
    }
    guard let last = steps.popFirst(), last["type"]?.string == "ByteLevel", steps.isEmpty else {
      let names = (isSequence ? json["pretokenizers"]?.array ?? [] : [json]).map { $0["type"]?.string ?? "none" }
      throw unsupported("the pre-tokenizer \(names.joined(separator: " + ")) (ByteLevel or Digits + ByteLevel is)")
    }
    tokenizer.preTokenizer.addsPrefixSpace = last["add_prefix_space"]?.bool == true
    tokenizer.preTokenizer.usesPattern = last["use_regex"]?.bool ?? true
  }

  mutating func readPostProcessor(_ json: JSON) throws(FileError) {
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

  private func templatePart(_ part: JSON, _ json: JSON) throws(FileError) -> Tokenizer.TemplatePart {
    if part["Sequence"]?["id"]?.string == "A" { return .text }
    guard let name = part["SpecialToken"]?["id"]?.string,
      let ids = json["special_tokens"]?[name]?["ids"]?.array?.compactMap(\.integer)
    else { throw malformed("its template has an unknown part, \(part.text(.compact))") }
    return .special(ids)
  }

  func readDecoder(_ json: JSON) throws(FileError) {
    guard json["type"]?.string == "ByteLevel" else {
      throw unsupported("the decoder \(json["type"]?.string ?? "null") (ByteLevel is)")
    }
  }

  func finished() -> Tokenizer {
    var tokenizer = tokenizer
    tokenizer.vocabularySize = (tokenizer.contents.keys.max() ?? -1) + 1
    tokenizer.rawFinder = AddedTokenFinder(addedTokens.filter { !$0.normalized }) { $0 }
    tokenizer.normalizedFinder = AddedTokenFinder(addedTokens.filter(\.normalized)) { tokenizer.normalized($0) }
    return tokenizer
  }

  private func malformed(_ reason: String) -> FileError { .malformed(path, "the tokenizer is broken: \(reason)") }
  private func unsupported(_ what: String) -> FileError { .unsupported(path, what) }
}
