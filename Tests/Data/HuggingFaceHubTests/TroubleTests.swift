import Foundation
import Testing
import TestSupport

@testable import HuggingFaceHub

@Suite struct TroubleTests {
  private func fetch(_ place: Place, _ name: String = "user/toy") throws -> URL {
    try ModelLocation.directory(of: name, holding: ["config.json", "model.safetensors"], settings: place.settings)
  }

  private func sentence(_ place: Place, _ name: String = "user/toy") -> String {
    do { return "fetched \(try fetch(place, name))" } catch { return "\(error)" }
  }

  @Test(arguments: [
    LoopbackHub.Trouble.status(500), .status(503), .status(429, retryAfter: 0), .cut(after: 1000), .cut(after: 0),
    .wrongByte, .longer(by: 10),
  ])
  func `passing trouble is overcome`(_ trouble: LoopbackHub.Trouble) throws {
    let place = try Place()
    place.addToy()
    place.hub.make(trouble, at: "model.safetensors", times: 1)
    #expect(try Data(contentsOf: fetch(place).appendingPathComponent("model.safetensors")) == place.large)
  }

  @Test(arguments: [
    (LoopbackHub.Trouble.status(500), "cannot answer for user/toy (500)"),
    (.status(429, retryAfter: 0), "too many requests (429)"), (.cut(after: 0), "ended the connection"),
    (.wrongByte, "came damaged: its hash is"), (.longer(by: 10), "longer than the 300000 bytes"),
    (.status(404, code: "EntryNotFound"), "has no file model.safetensors"),
    (.redirectLoop, "redirects in a circle"), (.redirect(to: "file:///etc/passwd"), "which is no web address"),
    (.redirect(to: "gopher://127.0.0.1/"), "which is no web address"),
  ])
  func `lasting trouble is one sentence, and nothing looks whole`(_ trouble: LoopbackHub.Trouble, _ words: String)
    throws
  {
    let place = try Place()
    place.addToy()
    place.hub.make(trouble, at: "model.safetensors")
    place.settings.attempts = 2
    let sentence = sentence(place)
    #expect(sentence.contains(words) && !sentence.contains("\n"), "\(sentence)")
    let repository = try HubRepository(.model, "user/toy")
    let cache = HubCache(repository, place.settings)
    #expect(cache.snapshot() == nil)
    let blobs = try FileManager.default.contentsOfDirectory(atPath: cache.folder.appendingPathComponent("blobs").path)
    #expect(!blobs.contains { $0.count == 64 })
    // The hub is well again: so is the cache.
    place.hub.calmDown()
    #expect(try Data(contentsOf: fetch(place).appendingPathComponent("model.safetensors")) == place.large)
  }

  @Test func `a slow server is given up after the time that was set`() throws {
    let place = try Place()
    place.addToy()
    place.hub.make(.stall(after: 1000, seconds: 3.5), at: "model.safetensors")
    (place.settings.stallSeconds, place.settings.attempts) = (1, 1)
    let start = Date()
    #expect(sentence(place).contains("sent nothing for 1 s; try again, or give it longer with HF_HUB_DOWNLOAD_TIMEOUT"))
    #expect(Date().timeIntervalSince(start) < 3.4)
  }

  @Test func `missing things and closed doors are named`() throws {
    let place = try Place(token: "hf_right")
    place.addToy()
    place.hub.add(.model, "user/gated", files: place.toy, isGated: true)
    #expect(sentence(place, "user/nothing").contains("set HF_TOKEN if it is private"))
    #expect(sentence(place, "user/gated").contains("is gated: accept its terms at \(place.hub.endpoint)/user/gated"))
    let repository = try HubRepository(.model, "user/toy")
    #expect(throws: HubError("user/toy has no revision v9", .missing)) {
      try Hub(place.settings).listing(of: repository, revision: "v9")
    }
    place.settings.token = HubToken("hf_right")
    #expect(sentence(place, "user/nothing") == "\(place.hub.endpoint) has no user/nothing; check the name")
    #expect(sentence(place, "user/gated").hasPrefix("fetched"))
    place.settings.token = HubToken("hf_wrong")
    #expect(sentence(place, "user/toy").contains("does not accept the token for user/toy; check HF_TOKEN"))
    #expect(sentence(place, "no/such/folder").contains("is neither a folder nor a repository"))
    place.settings.token = nil
    place.hub.add(.model, "user/bare", files: ["config.json": Data("{}".utf8)])
    #expect(sentence(place, "user/bare").contains("has no model.safetensors, which is needed here"))
  }

  @Test func `nobody at the address is said at once`() throws {
    let place = try Place()
    place.hub.stop()
    place.settings.attempts = 1
    #expect(sentence(place).hasPrefix("user/toy is out of reach: 127.0.0.1 does not take the connection"))
    place.settings.endpoint = "ftp://hub"
    #expect(sentence(place).contains("expected an address such as https://huggingface.co in HF_ENDPOINT"))
  }

  @Test func `a full disk is said`() throws {
    let place = try Place()
    place.addToy()
    try place.leavePartial(nil)
    let partial = place.partial
    try FileManager.default.createSymbolicLink(atPath: partial.path, withDestinationPath: "/dev/full")
    #expect(sentence(place).contains("cannot be written because the disk is full"))
    try FileManager.default.removeItem(at: partial)
    place.hub.make(
      .body(listing(#"{"rfilename": "model.safetensors", "size": 9000000000000000000}"#)), at: "revision/main")
    place.hub.make(.body(#"{}"#), at: "nothing")
    #expect(throws: HubError.self) {
      let hub = Hub(place.settings)
      return try hub.fetch(hub.listing(of: HubRepository(.model, "user/toy")))
    }
  }

  private func listing(_ entries: String, commit: String = String(repeating: "a", count: 40)) -> String {
    #"{"id": "user/toy", "sha": "\#(commit)", "siblings": [\#(entries)]}"#
  }

  @Test(arguments: [
    "../../escape", "/etc/cron.d/x", "a/../../b", "a//b", ".", "a/./b", "a\\b", "a\u{1}b", "",
    String(repeating: "x", count: 300),
  ])
  func `names that would leave the folder are refused`(_ name: String) throws {
    let place = try Place()
    place.addToy()
    let text = String(decoding: try JSONEncoder().encode(name), as: UTF8.self)
    place.hub.make(.body(listing(#"{"rfilename": \#(text)}"#)), at: "revision/main")
    #expect(sentence(place).contains("would leave its folder"))
  }

  @Test(arguments: [
    "no JSON", "[]", "{}", #"{"sha": "../../x", "siblings": []}"#, #"{"sha": 5, "siblings": {}}"#,
    #"{"sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "siblings": [5]}"#,
    #"{"sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "siblings": [{"rfilename": "config.json", "size": -1}]}"#,
    #"{"sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "siblings": [{"rfilename": "config.json", "size": 1e300}]}"#,
  ])
  func `listings that cannot be true are refused`(_ body: String) throws {
    let place = try Place()
    place.addToy()
    place.hub.make(.body(body), at: "revision/main")
    place.settings.attempts = 1
    #expect(throws: HubError.self) { try fetch(place) }
    #expect(HubCache(try HubRepository(.model, "user/toy"), place.settings).snapshot() == nil)
  }

  @Test func `a file below a file is an error and no way out`() throws {
    let place = try Place()
    place.hub.add(.model, "user/toy", files: ["config.json": Data("{}".utf8), "config.json/x.json": Data("{}".utf8)])
    #expect(throws: HubError.self) { try ModelLocation.directory(of: "user/toy", settings: place.settings) }
  }

  @Test func `an answer without end is cut`() throws {
    let place = try Place()
    place.addToy()
    place.hub.make(.body(String(repeating: " ", count: 1 << 20)), at: "revision/main")
    let connection = try HubConnection(place.settings)
    let subject = HubSubject(repository: try HubRepository(.model, "user/toy"))
    #expect(throws: HubError.self) {
      try connection.json("/api/models/user/toy/revision/main", about: subject, limit: 1 << 16)
    }
  }
}
