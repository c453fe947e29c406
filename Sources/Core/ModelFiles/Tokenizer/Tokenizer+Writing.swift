import Foundation
import OrderedCollections

extension Tokenizer {
  /// The `tokenizer.json` of a small tokenizer that needs no training: `specialTokens`, the 256 bytes, and each of `words`
  /// built up letter by letter, once after a space and once without.
  ///
  /// Text is cut as SmolVLM2's (single digits, GPT-2's pattern); other text is spelled in the longest known
  /// beginnings and bytes. The `tokenizers` package opens it and gives the same ids.
  public static func byteLevel(specialTokens: [String], words: [String]) -> JSON {
    var vocabulary = OrderedDictionary<String, JSON>()
    func define(_ token: String) { vocabulary[token] = vocabulary[token] ?? .integer(vocabulary.count) }
    specialTokens.forEach(define)
    for scalar in ByteAlphabet.scalars { define(String(scalar)) }

    // Longer words first, so that no part of one is merged before the whole.
    let byLength = words.enumerated().sorted {
      (-$0.element.utf8.count, $0.offset) < (-$1.element.utf8.count, $1.offset)
    }.map(\.element)
    var merges: [JSON] = []
    for word in byLength.map({ " " + $0 }) + byLength {
      let characters = word.utf8.map { String(ByteAlphabet.scalars[Int($0)]) }
      for end in 1..<max(1, characters.count) {
        let beginning = characters[..<end].joined()
        let whole = beginning + characters[end]
        guard vocabulary[whole] == nil else { continue }
        define(whole)
        merges.append([.string(beginning), .string(characters[end])])
      }
    }

    let byteLevel: [(String, JSON)] = [("trim_offsets", true), ("use_regex", true)]
    func step(addsPrefixSpace: Bool) -> JSON {
      let members = [("type", "ByteLevel"), ("add_prefix_space", JSON.bool(addsPrefixSpace))] + byteLevel
      return .object(OrderedDictionary(uniqueKeysWithValues: members))
    }
    return [
      "version": "1.0", "truncation": nil, "padding": nil,
      "added_tokens": .array(
        OrderedSet(specialTokens).enumerated().map { index, token in
          [
            "id": .integer(index), "content": .string(token), "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false, "special": true,
          ]
        }), "normalizer": nil,
      "pre_tokenizer": [
        "type": "Sequence",
        "pretokenizers": [["type": "Digits", "individual_digits": true], step(addsPrefixSpace: false)],
      ], "post_processor": nil, "decoder": step(addsPrefixSpace: true),
      "model": [
        "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil, "end_of_word_suffix": nil,
        "fuse_unk": false, "byte_fallback": false, "ignore_merges": false, "vocab": .object(vocabulary),
        "merges": .array(merges),
      ],
    ]
  }

  /// Writes `tokenizer.json`, see `byteLevel(specialTokens:words:)`, and a `tokenizer_config.json` that gives the roles
  /// (such as `pad_token`) and a model's own roles (such as `image_token`) to tokens, into `directory`, which must exist.
  public static func writeByteLevel(
    specialTokens: [String], words: [String], roles: OrderedDictionary<String, String>,
    modelRoles: OrderedDictionary<String, String> = [:], to directory: URL, overwrite: Bool = false
  ) throws {
    for (role, token) in Array(roles) + Array(modelRoles) where !specialTokens.contains(token) {
      throw FileError.invalid(directory.path, "\(role) \"\(token)\" is not a special token")
    }
    var configuration: OrderedDictionary<String, JSON> = ["tokenizer_class": "PreTrainedTokenizerFast"]
    for (role, token) in roles { configuration[role] = .string(token) }
    configuration["clean_up_tokenization_spaces"] = false
    if !modelRoles.isEmpty { configuration["extra_special_tokens"] = .object(modelRoles.mapValues(JSON.string)) }
    try byteLevel(specialTokens: specialTokens, words: words)
      .write(to: directory.appendingPathComponent("tokenizer.json"), layout: .indented(2), overwrite: overwrite)
    try JSON.object(configuration)
      .write(to: directory.appendingPathComponent("tokenizer_config.json"), layout: .indented(2), overwrite: overwrite)
  }
}
