import Foundation
import Testing
import TestSupport

@testable import HuggingFaceHub

struct UploadTests {
  private func files(_ hub: TemporaryHub) throws -> [HubUpload] {
    let folder = hub.home.appendingPathComponent("model")
    for (path, content) in hub.modelFiles {
      let file = folder.appendingPathComponent(path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try content.write(to: file)
    }
    try Data("x".utf8).write(to: folder.appendingPathComponent(".hidden"))
    return HubUpload.files(in: folder) + [HubUpload("README.md", .bytes(Array("# Hello\n".utf8)))]
  }

  @Test(arguments: [nil, 100_000, 300_000])
  func `files arrive as one commit, large ones through the store`(_ partSize: Int?) throws {
    let hub = try TemporaryHub(token: "hf_right", given: "hf_right")
    if let partSize { hub.server.takeUploadsInParts(of: partSize) }
    let repository = try HubRepository(.model, "user/new")
    let client = Hub(hub.settings)
    try client.checkUpload(to: repository)
    let address = try client.upload(files(hub), to: repository, isPrivate: true, summary: "first")
    #expect(address == hub.server.endpoint + "/user/new")
    #expect(hub.server.isPrivate(.model, "user/new"))
    var hosted = try #require(hub.server.files(.model, "user/new"))
    #expect(hosted.removeValue(forKey: ".gitattributes") != nil)
    #expect(hosted == hub.modelFiles.merging(["README.md": Data("# Hello\n".utf8)]) { $1 })
    // What the store has is not sent again.
    hub.server.forgetRequests()
    _ = try client.upload(files(hub), to: repository, summary: "second")
    #expect(!hub.server.requests.contains { $0.hasPrefix("PUT") })
    for request in hub.server.requests { #expect(!request.contains("store") || !request.hasSuffix(" token")) }
  }

  @Test func `a temporary fault is overcome, a lasting one is one sentence`() throws {
    for fault in [LoopbackHub.Fault.status(500), .status(429, retryAfter: "0")] {
      for path in ["/create", "/preupload/main", "/batch", "/commit/main", ""] {
        let hub = try TemporaryHub()
        hub.settings.token = HubToken("any")
        hub.server.inject(fault, at: path, times: 1)
        let client = Hub(hub.settings)
        let repository = try HubRepository(.model, "user/new")
        _ = try client.upload(files(hub), to: repository, summary: "s")
        hub.server.inject(fault, at: path)
        hub.settings.attempts = 2
        let error = #expect(throws: HubError.self) {
          _ = try Hub(hub.settings).upload(files(hub), to: repository, summary: "s")
        }
        #expect(error?.description.contains("\n") == false)
      }
    }
  }

  @Test func `an upload that could not be made is refused beforehand`() throws {
    let hub = try TemporaryHub(token: "hf_right")
    let repository = try HubRepository(.model, "user/new")
    let error = #expect(throws: HubError.self) { try Hub(hub.settings).checkUpload(to: repository) }
    #expect(error?.description.contains("set HF_TOKEN") == true)
    hub.settings.token = HubToken("hf_wrong")
    #expect(throws: HubError.self) { try Hub(hub.settings).checkUpload(to: repository) }
    hub.settings.token = HubToken("hf_right")
    hub.settings.isOffline = true
    #expect(throws: HubError.self) { try Hub(hub.settings).checkUpload(to: repository) }
  }

  @Test func `a card holds the hub's fields and nothing can break out of them`() {
    var card = ModelCard(modelName: "smolvla", repository: "user/new", summary: "Trained.")
    (card.baseModel, card.dataset) = ("lerobot/smolvla_base", "HuggingFaceVLA/libero")
    card.tags = ["yes", "a\n---\nlicense: mit", "plain", "robotics"]
    let head = card.text.components(separatedBy: "\n---\n")[0]
    #expect(
      head == """
        ---
        base_model: lerobot/smolvla_base
        datasets: HuggingFaceVLA/libero
        library_name: lerobot
        license: apache-2.0
        model_name: smolvla
        pipeline_tag: robotics
        tags:
        - "a\\x0a---\\x0alicense: mit"
        - lerobot
        - plain
        - robotics
        - smolvla
        - "yes"
        """)
  }
}
