import Foundation
import Synchronization
import Testing
import TestSupport

@testable import HuggingFaceHub

struct NetworkFailureTests {
  private func fetch(_ hub: TemporaryHub, _ name: String = "user/toy") throws -> URL {
    try ModelLocation.directory(of: name, holding: ["config.json", "model.safetensors"], settings: hub.settings)
  }

  private func sentence(_ hub: TemporaryHub, _ name: String = "user/toy") -> String {
    do { return "fetched \(try fetch(hub, name))" } catch { return "\(error)" }
  }

  @Test(arguments: [
    LoopbackHub.Fault.status(500), .status(503), .status(429, retryAfter: "0"), .cut(after: 1000), .cut(after: 0),
    .wrongByte, .longer(by: 10), .garbage,
  ])
  func `a temporary fault is overcome`(_ fault: LoopbackHub.Fault) throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(fault, at: "model.safetensors", times: 1)
    #expect(try Data(contentsOf: fetch(hub).appendingPathComponent("model.safetensors")) == hub.large)
  }

  @Test(arguments: [
    (LoopbackHub.Fault.status(500), "cannot answer for user/toy (500)"),
    (.status(429, retryAfter: "0"), "too many requests (429)"), (.cut(after: 0), "ended the connection"),
    (.garbage, "answers with what is not HTTP"),
    (.wrongByte, "came damaged: its hash is"), (.longer(by: 10), "longer than the 300000 bytes"),
    (.status(404, code: "EntryNotFound"), "has no file model.safetensors"),
    (.redirectLoop, "redirects in a circle"), (.redirect(to: "file:///etc/passwd"), "which is no web address"),
    (.redirect(to: "gopher://127.0.0.1/"), "which is no web address"),
  ])
  func `a lasting fault is one sentence, and nothing looks complete`(_ fault: LoopbackHub.Fault, _ words: String)
    throws
  {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(fault, at: "model.safetensors")
    hub.settings.attempts = 2
    let sentence = sentence(hub)
    #expect(sentence.contains(words) && !sentence.contains("\n"), "\(sentence)")
    let repository = try HubRepository(.model, "user/toy")
    let cache = HubCache(repository, hub.settings)
    #expect(cache.snapshot() == nil)
    let blobs = try FileManager.default.contentsOfDirectory(atPath: cache.folder.appendingPathComponent("blobs").path)
    #expect(!blobs.contains { $0.count == 64 })
    // The hub is well again: so is the cache.
    hub.server.removeFaults()
    #expect(try Data(contentsOf: fetch(hub).appendingPathComponent("model.safetensors")) == hub.large)
  }

  @Test func `a slow server is given up after the time that was set`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(.stall(after: 1000, seconds: 3.5), at: "model.safetensors")
    (hub.settings.stallSeconds, hub.settings.attempts) = (1, 1)
    let start = Date()
    #expect(
      sentence(hub).contains(
        "sent less than a kilobyte in 1 s; try again, or give it longer with HF_HUB_DOWNLOAD_TIMEOUT"))
    #expect(Date().timeIntervalSince(start) < 3.4)
  }

  @Test func `a server that sends a few bytes now and then is slow too`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(.trickle, at: "model.safetensors")
    (hub.settings.stallSeconds, hub.settings.attempts) = (1, 1)
    #expect(sentence(hub).contains("sent less than a kilobyte in 1 s"))
  }

  @Test(arguments: ["nan", "inf", "-inf", "-5", "1e300", "soon", ""])
  func `a pause that a server asks for is a number up to a minute`(text: String) throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(.status(503, retryAfter: text), at: "model.safetensors")
    (hub.settings.attempts, hub.settings.pause) = (1, 0.001)
    let error = #expect(throws: HubError.self) { try fetch(hub) }
    let pause = try HubConnection(hub.settings).pause(after: #require(error), failures: 1)
    #expect(try (0...60).contains(#require(pause)))
  }

  @Test func `a pause is said before it is made, by downloads too`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.settings.attempts = 2
    let heard = Mutex<[String]>([])
    let observer = HubProgress.Observer(
      start: { _, _ in { _ in } }, wait: { sentence in heard.withLock { $0.append(sentence) } })
    for place in ["revision/main", "model.safetensors"] {
      hub.server.inject(.status(503, retryAfter: "1"), at: place, times: 1)
      _ = try HubProgress.$observer.withValue(observer) { try fetch(hub) }
      try FileManager.default.removeItem(at: hub.home)
    }
    let sentences = heard.withLock { $0 }
    #expect(sentences.count == 2 && sentences.allSatisfy { $0.hasSuffix("(503); try again later; asked again in 1 s") })
  }

  @Test func `an answer that comes in small pieces has an end in time`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(.trickle, at: "revision/main")
    (hub.settings.documentSeconds, hub.settings.attempts) = (1, 1)
    let start = Date()
    #expect(sentence(hub).contains("has not answered for user/toy in 1 s"))
    #expect(Date().timeIntervalSince(start) < 5)
  }

  @Test func `missing things and closed doors are named`() throws {
    let hub = try TemporaryHub(token: "hf_right")
    hub.addModel()
    hub.server.add(.model, "user/gated", files: hub.modelFiles, isGated: true)
    #expect(sentence(hub, "user/nothing").contains("set HF_TOKEN if it is private"))
    #expect(sentence(hub, "user/gated").contains("is gated: accept its terms at \(hub.server.endpoint)/user/gated"))
    let repository = try HubRepository(.model, "user/toy")
    #expect(throws: HubError("user/toy has no revision v9", .missing)) {
      try Hub(hub.settings).listing(of: repository, revision: "v9")
    }
    hub.settings.token = HubToken("hf_right")
    #expect(sentence(hub, "user/nothing") == "\(hub.server.endpoint) has no user/nothing; check the name")
    #expect(sentence(hub, "user/gated").hasPrefix("fetched"))
    hub.settings.token = HubToken("hf_wrong")
    #expect(sentence(hub, "user/toy").contains("does not accept the token for user/toy; check HF_TOKEN"))
    #expect(
      sentence(hub, "no/such/folder").contains("there is no folder no/such/folder, and it is no repository's name"))
    hub.settings.token = nil
    hub.server.add(.model, "user/bare", files: ["config.json": Data("{}".utf8)])
    #expect(sentence(hub, "user/bare").contains("has no model.safetensors, which is needed here"))
  }

  @Test func `nobody at the address is said at once`() throws {
    let hub = try TemporaryHub()
    hub.server.stop()
    hub.settings.attempts = 1
    #expect(sentence(hub).hasPrefix("user/toy is out of reach: 127.0.0.1 does not take the connection"))
    #expect(sentence(hub).hasSuffix("; there is no folder user/toy here either"))
    hub.settings.endpoint = "ftp://hub"
    #expect(sentence(hub).contains("expected an address such as https://huggingface.co in HF_ENDPOINT"))
  }

  @Test func `a full disk is said`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    try hub.leavePartial(nil)
    let partial = hub.partial
    try FileManager.default.createSymbolicLink(atPath: partial.path, withDestinationPath: "/dev/full")
    #expect(sentence(hub).contains("cannot be written because the disk is full"))
    try FileManager.default.removeItem(at: partial)
    hub.server.inject(
      .body(listing(#"{"rfilename": "model.safetensors", "size": 9000000000000000000}"#)), at: "revision/main")
    hub.server.inject(.body(#"{}"#), at: "nothing")
    #expect(throws: HubError.self) {
      let client = Hub(hub.settings)
      return try client.fetch(client.listing(of: HubRepository(.model, "user/toy")))
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
    let hub = try TemporaryHub()
    hub.addModel()
    let text = String(decoding: try JSONEncoder().encode(name), as: UTF8.self)
    hub.server.inject(.body(listing(#"{"rfilename": \#(text)}"#)), at: "revision/main")
    #expect(sentence(hub).contains("would leave its folder"))
  }

  @Test(arguments: [
    "no JSON", "[]", "{}", #"{"sha": "../../x", "siblings": []}"#, #"{"sha": 5, "siblings": {}}"#,
    #"{"sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "siblings": [5]}"#,
    #"{"sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "siblings": [{"rfilename": "config.json", "size": -1}]}"#,
    #"{"sha": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "siblings": [{"rfilename": "config.json", "size": 1e300}]}"#,
  ])
  func `listings that cannot be true are refused`(_ body: String) throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(.body(body), at: "revision/main")
    hub.settings.attempts = 1
    #expect(throws: HubError.self) { try fetch(hub) }
    #expect(HubCache(try HubRepository(.model, "user/toy"), hub.settings).snapshot() == nil)
  }

  @Test func `a file below a file is an error and no way out`() throws {
    let hub = try TemporaryHub()
    hub.server.add(.model, "user/toy", files: ["config.json": Data("{}".utf8), "config.json/x.json": Data("{}".utf8)])
    #expect(throws: HubError.self) { try ModelLocation.directory(of: "user/toy", settings: hub.settings) }
  }

  @Test func `an answer without end is cut`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(.body(String(repeating: " ", count: 1 << 20)), at: "revision/main")
    let connection = try HubConnection(hub.settings)
    let subject = HubSubject(repository: try HubRepository(.model, "user/toy"))
    #expect(throws: HubError.self) {
      try connection.json("/api/models/user/toy/revision/main", about: subject, limit: 1 << 16)
    }
  }
}
