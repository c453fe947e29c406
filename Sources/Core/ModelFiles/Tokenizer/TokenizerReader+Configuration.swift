import Foundation
import OrderedCollections

extension TokenizerReader {
  /// Roles that transformers knows of every tokenizer, in its order.
  private static let commonRoles = [
    "bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token",
  ]

  /// Classes that make their own template of `add_bos_token` and `add_eos_token`, with whether the first is on unless it is
  /// given; other classes ignore these settings.
  private static let templateClasses = ["LlamaTokenizer": true, "GPTNeoXTokenizer": false]

  /// What a folder's `tokenizer_config.json` changes, and its `special_tokens_map.json` where the former has no
  /// `added_tokens_decoder`: flags of added tokens, further tokens, roles, the template, the side that is cut.
  mutating func readConfiguration(in directory: URL) throws {
    let files = FileManager.default
    let url = directory.appendingPathComponent("tokenizer_config.json")
    guard files.fileExists(atPath: url.path) else { return }
    path = url.path
    guard var configuration = try JSON(contentsOf: url).object else { throw malformed("expected a JSON object") }
    let map = directory.appendingPathComponent("special_tokens_map.json")
    if configuration["added_tokens_decoder"] == nil, files.fileExists(atPath: map.path) {
      configuration.merge(try JSON(contentsOf: map).object ?? [:]) { $1 }
    }
    guard configuration["split_special_tokens"]?.bool != true else { throw unsupported("split_special_tokens") }
    let name = configuration["tokenizer_class"]?.string ?? ""
    let kind = name.hasSuffix("Fast") ? String(name.dropLast(4)) : name
    if kind == "GPT2Tokenizer" {
      for role in ["bos_token", "eos_token", "unk_token"] where configuration[role] == nil {
        configuration[role] = "<|endoftext|>"
      }
    }
    // GPTNeoXTokenizer says itself that it has none.
    if configuration["pad_token"] == nil, kind != "GPTNeoXTokenizer" { configuration["pad_token"] = paddingToken }
    try readAddedTokensDecoder(configuration)
    try readRoles(configuration)
    if let addsBeginning = Self.templateClasses[kind] { try readTemplate(configuration, addsBeginning: addsBeginning) }
    if kind == "LlamaTokenizer" {
      guard configuration["add_prefix_space"]?.bool == nil else {
        throw unsupported("LlamaTokenizer's add_prefix_space")
      }
    } else if addsPrefixSpaceAlone {
      tokenizer.preTokenizer.addsPrefixSpace = configuration["add_prefix_space"]?.bool == true
    }
    if let side = configuration["truncation_side"]?.string { tokenizer.truncatesLeft = side == "left" }
  }

  /// The special tokens that a configuration names by role, with their flags where it gives them.
  private func specialTokens(
    _ configuration: OrderedDictionary<String, JSON>
  ) -> [(role: String?, content: String, flags: JSON)] {
    var tokens: [(String?, JSON)] = Self.commonRoles.map { ($0, configuration[$0] ?? .null) }
    tokens += (configuration["additional_special_tokens"]?.array ?? []).map { (nil, $0) }
    tokens += (configuration["extra_special_tokens"]?.object ?? [:]).map { ($0.key, $0.value) }
    return tokens.compactMap { role, token in
      (token.string ?? token["content"]?.string).map { (role, $0, token) }
    }
  }

  private mutating func readAddedTokensDecoder(_ configuration: OrderedDictionary<String, JSON>) throws {
    let special = Set(specialTokens(configuration).map { Array($0.content.utf8) })
    let decoder = configuration["added_tokens_decoder"]?.object ?? [:]
    for (_, token) in decoder.sorted(by: { (Int($0.key) ?? 0) < (Int($1.key) ?? 0) }) {
      guard let content = token["content"]?.string else {
        throw malformed("an added token has no content, \(token.text(.compact))")
      }
      add(content, token, special: special.contains(Array(content.utf8)))
    }
  }

  private mutating func readRoles(_ configuration: OrderedDictionary<String, JSON>) throws {
    let decoder = configuration["added_tokens_decoder"]?.object
    // Beside a decoder, flags that stand with a role count more than those of tokenizer.json.
    var settled = Set((decoder ?? [:]).values.compactMap { $0["content"]?.string.map { Array($0.utf8) } })
    for (role, content, flags) in specialTokens(configuration) {
      let bytes = Array(content.utf8)
      let isNew = !addedTokens.contains { Array($0.content.utf8) == bytes }
      let replaces = decoder != nil && flags.object != nil && !settled.contains(bytes)
      if isNew || replaces { add(content, flags, special: true) }
      settled.insert(bytes)
      if let role { tokenizer.roles[role] = tokenizer.ids[bytes] }
    }
    // A model's own roles may stand among the other settings; they are only names of tokens.
    for (role, token) in configuration where role.hasSuffix("_token") && tokenizer.roles[role] == nil {
      if let content = token.string ?? token["content"]?.string {
        tokenizer.roles[role] = tokenizer.id(ofToken: content)
      }
    }
  }

  /// Makes `content` an added token with these flags, of its id or the next one.
  private mutating func add(_ content: String, _ flags: JSON, special: Bool) {
    let bytes = Array(content.utf8)
    guard !bytes.isEmpty else { return }
    let id = tokenizer.ids[bytes] ?? max(modelTokens, (addedTokens.map(\.id).max() ?? -1) + 1)
    tokenizer.ids[bytes] = id
    tokenizer.contents[id] = bytes
    let token = AddedToken(id: id, content: content, flags: flags, special: special)
    if let place = addedTokens.firstIndex(where: { $0.id == id }) {
      addedTokens[place] = token
    } else {
      addedTokens.append(token)
    }
  }

  private mutating func readTemplate(_ configuration: OrderedDictionary<String, JSON>, addsBeginning: Bool) throws {
    var template: [Tokenizer.TemplatePart] = [.text]
    if configuration["add_bos_token"]?.bool ?? addsBeginning {
      template.insert(.special([try id(of: "bos_token")]), at: 0)
    }
    if configuration["add_eos_token"]?.bool ?? false { template.append(.special([try id(of: "eos_token")])) }
    tokenizer.template = template
  }

  private func id(of role: String) throws -> Int {
    guard let id = tokenizer.roles[role] else { throw malformed("add_\(role) is true, but there is no \(role)") }
    return id
  }
}
