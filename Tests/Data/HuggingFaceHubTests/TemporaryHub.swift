import Crypto
import Foundation
import TestSupport

@testable import HuggingFaceHub

/// A hub on loopback and an empty cache for it, both removed with the value.
final class TemporaryHub {
  let server: LoopbackHub
  let home: URL
  var settings: HubSettings
  /// Content for the store of large files.
  var large: Data { Self.large }
  private static let large = Data((0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) })

  init(token: String? = nil, given: String? = nil) throws {
    server = try LoopbackHub(token: token)
    home = FileManager.default.temporaryDirectory.appendingPathComponent("hub-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: home, withIntermediateDirectories: true)
    var environment = ["HF_ENDPOINT": server.endpoint, "HF_HOME": home.path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"]
    environment["HF_TOKEN"] = given
    settings = HubSettings(environment: environment)
    settings.pause = 0.01
  }

  /// The files of a small model.
  var modelFiles: [String: Data] {
    ["config.json": Data("{}".utf8), "sub/notes.txt": Data("notes".utf8), "model.safetensors": large]
  }

  @discardableResult
  func addModel(also more: [String: Data] = [:]) -> String {
    server.add(.model, "user/toy", files: modelFiles.merging(more) { $1 })
  }

  /// The partial download of the model's weights.
  var partial: URL {
    let hash = SHA256.hash(data: large).map { String(format: "%02x", $0) }.joined()
    return home.appendingPathComponent("hub/models--user--toy/blobs/\(hash).incomplete")
  }

  /// Creates the partial download of an interrupted run, or only its folder.
  func leavePartial(_ bytes: Data?) throws {
    try FileManager.default.createDirectory(at: partial.deletingLastPathComponent(), withIntermediateDirectories: true)
    try bytes?.write(to: partial)
  }

  deinit {
    server.stop()
    try? FileManager.default.removeItem(at: home)
  }
}
