import Foundation
import Testing
import TestSupport

@testable import HuggingFaceHub

@Suite struct UploadTests {
  private func files(_ place: Place) throws -> [HubUpload] {
    let folder = place.home.appendingPathComponent("model")
    for (path, content) in place.toy {
      let file = folder.appendingPathComponent(path)
      try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
      try content.write(to: file)
    }
    try Data("x".utf8).write(to: folder.appendingPathComponent(".hidden"))
    return HubUpload.files(in: folder) + [HubUpload("README.md", .bytes(Array("# Hello\n".utf8)))]
  }

  @Test(arguments: [nil, 100_000, 300_000])
  func `files arrive as one commit, large ones through the store`(_ partSize: Int?) throws {
    let place = try Place(token: "hf_right", given: "hf_right")
    if let partSize { place.hub.takeUploadsInParts(of: partSize) }
    let repository = try HubRepository(.model, "user/new")
    let hub = Hub(place.settings)
    try hub.checkUpload(to: repository)
    let address = try hub.upload(files(place), to: repository, isPrivate: true, summary: "first")
    #expect(address == place.hub.endpoint + "/user/new")
    #expect(place.hub.isPrivate(.model, "user/new"))
    var hosted = try #require(place.hub.files(.model, "user/new"))
    #expect(hosted.removeValue(forKey: ".gitattributes") != nil)
    #expect(hosted == place.toy.merging(["README.md": Data("# Hello\n".utf8)]) { $1 })
    // What the store has is not sent again.
    place.hub.forgetRequests()
    _ = try hub.upload(files(place), to: repository, summary: "second")
    #expect(!place.hub.requests.contains { $0.hasPrefix("PUT") })
    for request in place.hub.requests { #expect(!request.contains("store") || !request.hasSuffix(" token")) }
  }

  @Test func `passing trouble is overcome, lasting trouble is one sentence`() throws {
    for trouble in [LoopbackHub.Trouble.status(500), .status(429, retryAfter: 0)] {
      for path in ["/create", "/preupload/main", "/batch", "/commit/main", ""] {
        let place = try Place()
        place.settings.token = HubToken("any")
        place.hub.make(trouble, at: path, times: 1)
        let hub = Hub(place.settings)
        let repository = try HubRepository(.model, "user/new")
        _ = try hub.upload(files(place), to: repository, summary: "s")
        place.hub.make(trouble, at: path)
        place.settings.attempts = 2
        let error = #expect(throws: HubError.self) {
          _ = try Hub(place.settings).upload(files(place), to: repository, summary: "s")
        }
        #expect(error?.description.contains("\n") == false)
      }
    }
  }

  @Test func `an upload that could not be made is refused beforehand`() throws {
    let place = try Place(token: "hf_right")
    let repository = try HubRepository(.model, "user/new")
    let error = #expect(throws: HubError.self) { try Hub(place.settings).checkUpload(to: repository) }
    #expect(error?.description.contains("set HF_TOKEN") == true)
    place.settings.token = HubToken("hf_wrong")
    #expect(throws: HubError.self) { try Hub(place.settings).checkUpload(to: repository) }
    place.settings.token = HubToken("hf_right")
    place.settings.isOffline = true
    #expect(throws: HubError.self) { try Hub(place.settings).checkUpload(to: repository) }
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
