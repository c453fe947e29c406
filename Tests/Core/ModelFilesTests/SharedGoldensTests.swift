import Foundation
import ModelFiles
import Testing
import TestSupport

/// LeRobot's own files, where the development data lies beside the checkout.
@Suite(.enabled(if: SharedData.directory != nil)) struct SharedGoldensTests {
  private func files(endingIn suffix: String) throws -> [URL] {
    let root = try #require(SharedData.directory).appendingPathComponent("golden")
    let paths = try FileManager.default.subpathsOfDirectory(atPath: root.path)
    return paths.filter { $0.hasSuffix(suffix) }.map { root.appendingPathComponent($0) }
  }

  @Test func `SmolVLA's tokenizer gives the ids that transformers gave`() throws {
    for url in try files(endingIn: "expected_token_ids.json") {
      let folder = url.deletingLastPathComponent().appendingPathComponent("smolvlm2-tiny")
      let tokenizer = try Tokenizer(directory: folder)
      for (text, ids) in try JSON(contentsOf: url).object ?? [:] {
        #expect(tokenizer.encode(text) == (ids.array ?? []).compactMap(\.integer), "\(text)")
      }
      #expect(tokenizer.paddingID == tokenizer.id(ofToken: "<|im_end|>"))
      #expect(tokenizer.id(ofRole: "fake_image_token") == tokenizer.id(ofToken: "<fake_token_around_image>"))
    }
  }

  @Test func `LeRobot's JSON files read and write back byte by byte`() throws {
    let names = ["/config.json", "processor.json"]
    for url in try names.flatMap(files(endingIn:)) {
      let original = try MappedFile(url).contents
      let json = try JSON(contentsOf: url)
      let layouts: [JSON.Layout] = [.indented(4), .indented(2), .indented(1), .line]
      let texts = layouts.map { Array(json.text($0).utf8) }
      #expect(texts.contains(original) || texts.contains { $0 + [0x0A] == original }, "\(url.lastPathComponent)")
    }
  }

  @Test func `LeRobot's weights are read`() throws {
    for url in try files(endingIn: ".safetensors") {
      let file = try SafetensorsFile(url)
      #expect(!file.entries.isEmpty)
    }
  }
}
