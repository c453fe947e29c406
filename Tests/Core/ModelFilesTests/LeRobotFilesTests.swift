import Foundation
import ModelFiles
import Testing
import TestSupport

/// LeRobot's own files, among the goldens of the policies' tests.
struct LeRobotFilesTests {
  @Test func `LeRobot's JSON files read and write back byte by byte`() throws {
    let root = Checkout.tests("Policies")
    let names = try FileManager.default.subpathsOfDirectory(atPath: root.path)
      .filter { $0.hasSuffix("/config.json") || $0.hasSuffix("processor.json") }
    #expect(names.count > 20)
    for url in names.map(root.appendingPathComponent) {
      let original = try MappedFile(url).contents
      let json = try JSON(contentsOf: url)
      let layouts: [JSON.Layout] = [.indented(4), .indented(2), .indented(1), .line]
      let texts = layouts.map { Array(json.text($0).utf8) }
      #expect(texts.contains(original) || texts.contains { $0 + [0x0A] == original }, "\(url.path)")
    }
  }
}
