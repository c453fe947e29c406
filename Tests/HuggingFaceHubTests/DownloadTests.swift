import Foundation
import Testing
import TestSupport

@testable import HuggingFaceHub

@Suite struct DownloadTests {
  @Test func `a repository's files arrive whole, in the layout of huggingface_hub`() throws {
    let place = try Place()
    let commit = place.hub.add(
      .model, "user/toy", files: ["config.json": Data("{}".utf8), "model.safetensors": place.large])
    let folder = try ModelLocation.directory(
      of: "user/toy", holding: ["config.json", "model.safetensors"], settings: place.settings)
    #expect(folder.path.hasSuffix("models--user--toy/snapshots/\(commit)"))
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
  }
}
