import Foundation
import ModelFiles
import Testing

struct TokenizerTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: ["smol", "gpt", "poor", "raw", "byte_level"])
  func `ids and texts equal the tokenizers package's`(name: String) throws {
    let directory = try golden("tokenizers").appendingPathComponent(name)
    let tokenizer = try Tokenizer(directory: directory)
    let document = try JSON(contentsOf: directory.appendingPathComponent("expected.json"))
    let cases = try #require(document.array)
    #expect(cases.count > 100)
    for expected in cases {
      let text = try #require(expected["text"]?.string)
      let ids = (expected["ids"]?.array ?? []).compactMap(\.integer)
      let plain = expected["plain"]?.array?.compactMap(\.integer) ?? ids
      #expect(tokenizer.encode(text) == ids, "\(text.debugDescription)")
      #expect(tokenizer.encode(text, addSpecialTokens: false) == plain, "\(text.debugDescription)")
      // Compared by scalars: Swift's texts are equal when only canonically equivalent.
      let decoded = expected["decoded"]?.string ?? text
      #expect(Array(tokenizer.decode(ids).utf8) == Array(decoded.utf8))
      let complete = expected["complete"]?.string ?? text
      #expect(Array(tokenizer.decode(ids, skipSpecialTokens: false).utf8) == Array(complete.utf8))
    }
  }

  @Test func `a tokenizer written here is the package's, byte by byte`() throws {
    try Tokenizer.writeByteLevel(
      specialTokens: ["<|pad|>", "<|end|>", "<image>"],
      words: ["push", "the", "red", "block", "put", "über", "lock"], roles: ["pad_token": "<|pad|>"], to: folder.url)
    let official = try MappedFile(golden("tokenizers/byte_level/tokenizer.json")).contents
    #expect(try MappedFile(folder("tokenizer.json")).contents == official)
    let tokenizer = try Tokenizer(directory: folder.url)
    #expect(tokenizer.paddingID == 0)
    #expect(tokenizer.encode("push the red block").count == 4)
    #expect(tokenizer.token(ofID: tokenizer.encode(" the")[0]) == "Ġthe")
    #expect(tokenizer.vocabularySize == tokenizer.id(ofToken: "put").map { $0 + 1 })
  }

  @Test func `a role that names no token is refused`() throws {
    #expect(throws: FileError.self) {
      try Tokenizer.writeByteLevel(specialTokens: [], words: [], roles: ["pad_token": "x"], to: folder.url)
    }
    #expect(try folder.names == [])
  }

  @Test func `roles come from tokenizer_config.json, as text or object`() throws {
    let tokenizer = Tokenizer.byteLevel(specialTokens: ["<a>", "<b>", "<c>"], words: [])
    try tokenizer.write(to: folder("tokenizer.json"))
    let configuration: JSON = [
      "pad_token": ["content": "<b>"], "eos_token": "<a>", "unk_token": nil, "bos_token": "new",
      "extra_special_tokens": ["image_token": "<c>"], "added_tokens_decoder": ["1": ["content": "<b>"]],
    ]
    try configuration.write(to: folder("tokenizer_config.json"))
    let read = try Tokenizer(directory: folder.url)
    #expect(read.paddingID == 1)
    #expect(read.id(ofRole: "eos_token") == 0)
    #expect(read.id(ofRole: "image_token") == 2)
    #expect(read.id(ofRole: "unk_token") == nil)
    // As in transformers, a token that the file lacks comes after all others.
    #expect(read.id(ofRole: "bos_token") == tokenizer["model"]?["vocab"]?.object?.count)
  }

  /// A sound file with one part replaced.
  func altered(_ path: [String], _ value: JSON) -> JSON {
    func replace(_ json: JSON, _ path: ArraySlice<String>) -> JSON {
      guard let key = path.first, var members = json.object else { return value }
      members[key] = replace(members[key] ?? nil, path.dropFirst())
      return .object(members)
    }
    return replace(Tokenizer.byteLevel(specialTokens: ["<a>"], words: []), path[...])
  }

  @Test func `what would change ids and is not known is refused by name`() throws {
    let cases: [([String], JSON, String)] = [
      (["model", "type"], "WordPiece", "WordPiece"), (["model", "byte_fallback"], true, "byte_fallback"),
      (["model", "dropout"], 0.1, "dropout"), (["model", "end_of_word_suffix"], "</w>", "</w>"),
      (["normalizer"], ["type": "Lowercase"], "Lowercase"),
      (["normalizer"], ["type": "Sequence", "normalizers": [["type": "NFC"], ["type": "Prepend"]]], "Prepend"),
      (["pre_tokenizer"], ["type": "Metaspace"], "Metaspace"), (["pre_tokenizer"], nil, "none"),
      (
        ["pre_tokenizer"], ["type": "Sequence", "pretokenizers": [["type": "Split"], ["type": "ByteLevel"]]],
        "Split + ByteLevel"
      ), (["post_processor"], ["type": "BertProcessing"], "BertProcessing"),
      (["decoder"], ["type": "WordPiece"], "WordPiece"),
    ]
    for (path, value, clue) in cases {
      try altered(path, value).write(to: folder("tokenizer.json"), overwrite: true)
      let error = #expect(throws: FileError.self) { try Tokenizer(directory: folder.url) }
      guard case .unsupported(_, let what) = error else {
        Issue.record("\(clue): \(String(describing: error))")
        continue
      }
      #expect(what.contains(clue))
    }
  }

  @Test func `a broken file is refused`() throws {
    let cases: [([String], JSON)] = [
      (["model"], nil), (["model", "vocab"], nil), (["model", "vocab", "a"], -1), (["model", "vocab", "a"], 1.5),
      (["model", "vocab", "twice"], 7), (["model", "merges"], ["a"]), (["model", "merges"], [["a", "b"]]),
      (["model", "merges"], [["a", "b", "c"]]), (["model", "merges"], [3]), (["model", "unk_token"], "none"),
      (["added_tokens"], [["content": "x"]]), (["added_tokens"], [["content": "<a>", "id": 9]]),
      (["post_processor"], ["type": "TemplateProcessing", "single": [["SpecialToken": ["id": "x"]]]]),
    ]
    for (path, value) in cases {
      try altered(path, value).write(to: folder("tokenizer.json"), overwrite: true)
      #expect(throws: FileError.self, "\(path) \(value)") { try Tokenizer(directory: folder.url) }
    }
    #expect(throws: FileError.missing(folder("none/tokenizer.json").path)) { try Tokenizer(directory: folder("none")) }
    try altered(["x"], nil).write(to: folder("tokenizer.json"), overwrite: true)
    let configurations: [JSON] = [
      [1], ["added_tokens_decoder": ["9": ["special": true]]], ["split_special_tokens": true],
      ["tokenizer_class": "LlamaTokenizerFast"], ["tokenizer_class": "GPTNeoXTokenizer", "add_eos_token": true],
    ]
    for configuration in configurations {
      try configuration.write(to: folder("tokenizer_config.json"), overwrite: true)
      #expect(throws: FileError.self, "\(configuration)") { try Tokenizer(directory: folder.url) }
    }
  }

  @Test func `a very long word takes no quadratic time`() throws {
    let tokenizer = try Tokenizer(directory: golden("tokenizers/smol"))
    let ids = tokenizer.encode(String(repeating: "the", count: 20_000))
    #expect(ids.count <= 60_000)
    #expect(tokenizer.decode(ids).utf8.count == 60_000)
  }
}
