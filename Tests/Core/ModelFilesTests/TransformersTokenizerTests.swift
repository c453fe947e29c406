import Foundation
import ModelFiles
import Testing

/// Folders with what transformers' `AutoTokenizer` makes of them: the goldens, and those that
/// `oracle/parity/tokenizer_folders.py` draws.
private func folders() throws -> [URL] {
  let drawn = ProcessInfo.processInfo.environment["WM_PARITY_TOKENIZERS"].map { URL(fileURLWithPath: $0) }
  let parents = [try golden("transformers_tokenizers"), drawn].compactMap { $0 }
  return try parents.flatMap { parent in
    try FileManager.default.contentsOfDirectory(atPath: parent.path).sorted().map { parent.appendingPathComponent($0) }
  }
}

struct TransformersTokenizerTests {
  @Test(arguments: try folders()) func `a folder is read as transformers reads it`(folder: URL) throws {
    let tokenizer = try Tokenizer(directory: folder)
    let expected = try JSON(contentsOf: folder.appendingPathComponent("transformers.json"))
    #expect(tokenizer.paddingID == expected["pad"]?.integer)
    #expect(tokenizer.id(ofRole: "eos_token") == expected["eos"]?.integer)
    #expect(tokenizer.vocabularySize == expected["size"]?.integer)
    let cases = try #require(expected["cases"]?.array)
    #expect(cases.count > 30)
    for one in cases {
      let text = try #require(one["text"]?.string)
      let ids = (one["ids"]?.array ?? []).compactMap(\.integer)
      let found = tokenizer.encode(text)
      let same = zip(found, ids).prefix { $0 == $1 }.count
      #expect(found == ids, "\(String(text.prefix(80)).debugDescription), from id \(same)")
      guard let length = one["max"]?.integer else { continue }
      #expect(tokenizer.encode(text, maxLength: length) == (one["cut"]?.array ?? []).compactMap(\.integer), "\(text)")
    }
    print("parity tokenizer \(folder.lastPathComponent): \(cases.count) texts equal")
  }
}
