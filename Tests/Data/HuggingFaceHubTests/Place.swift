import Crypto
import Foundation
import TestSupport

@testable import HuggingFaceHub

/// A hub of the test's own and an empty cache for it, gone with the value.
final class Place {
  let hub: LoopbackHub
  let home: URL
  var settings: HubSettings
  /// Something that goes to the store of large files.
  var large: Data { Self.large }
  private static let large = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })

  init(token: String? = nil, given: String? = nil) throws {
    hub = try LoopbackHub(token: token)
    home = FileManager.default.temporaryDirectory.appendingPathComponent("hub-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    var environment = ["HF_ENDPOINT": hub.endpoint, "HF_HOME": home.path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"]
    environment["HF_TOKEN"] = given
    settings = HubSettings(environment: environment)
    settings.pause = 0.01
  }

  /// A small model.
  var toy: [String: Data] {
    ["config.json": Data("{}".utf8), "sub/notes.txt": Data("notes".utf8), "model.safetensors": large]
  }

  @discardableResult
  func addToy(also more: [String: Data] = [:]) -> String {
    hub.add(.model, "user/toy", files: toy.merging(more) { $1 })
  }

  /// Where the toy's weights grow.
  var partial: URL {
    let hash = SHA256.hash(data: large).map { String(format: "%02x", $0) }.joined()
    return home.appendingPathComponent("hub/models--user--toy/blobs/\(hash).incomplete")
  }

  /// Leaves what an interrupted run would, or only its folder.
  func leavePartial(_ bytes: Data?) throws {
    try FileManager.default.createDirectory(at: partial.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes?.write(to: partial)
  }

  deinit {
    hub.stop()
    try? FileManager.default.removeItem(at: home)
  }
}
