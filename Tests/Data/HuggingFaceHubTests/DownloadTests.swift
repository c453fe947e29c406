import Foundation
import Testing
import TestSupport

@testable import HuggingFaceHub

struct DownloadTests {
  private let weights = ["config.json", "model.safetensors"]

  @Test func `files arrive whole, in the layout of huggingface_hub`() throws {
    let hub = try TemporaryHub()
    let commit = hub.addModel()
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    let repository = hub.home.appendingPathComponent("hub/models--user--toy")
    #expect(folder.path == repository.appendingPathComponent("snapshots/\(commit)").path)
    #expect(try String(contentsOf: repository.appendingPathComponent("refs/main"), encoding: .utf8) == commit)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == hub.large)
    let files = FileManager.default
    let link = try files.destinationOfSymbolicLink(atPath: folder.appendingPathComponent("sub/notes.txt").path)
    #expect(link.hasPrefix("../../../blobs/"))
    let blobs = try files.contentsOfDirectory(atPath: repository.appendingPathComponent("blobs").path)
    #expect(blobs.count == 3 && blobs.allSatisfy { [40, 64].contains($0.count) })
  }

  @Test func `what is not needed stays on the hub`() throws {
    let hub = try TemporaryHub()
    hub.addModel(also: ["pytorch_model.bin": hub.large, "onnx/model.onnx": hub.large])
    let folder = try ModelLocation.directory(of: "user/toy", settings: hub.settings)
    #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["config.json", "sub"])
    // The weights come when they are asked for, and nothing else a second time.
    hub.server.forgetRequests()
    _ = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    #expect(hub.server.requests.count == 3)
    #expect(!hub.server.requests.contains { $0.hasSuffix("pytorch_model.bin") || $0.hasSuffix("config.json") })
  }

  @Test func `what is in the cache is used without asking anybody`() throws {
    var hub = try TemporaryHub()
    hub.addModel()
    let first = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    hub.server.forgetRequests()
    #expect(try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings) == first)
    hub.settings.isOffline = true
    #expect(try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings) == first)
    #expect(hub.server.requests.isEmpty)
    hub = try TemporaryHub()
    hub.settings.isOffline = true
    #expect(throws: HubError.self) { try ModelLocation.directory(of: "user/toy", settings: hub.settings) }
    #expect(hub.server.requests.isEmpty)
  }

  @Test func `branches, tags and commits are told apart`() throws {
    let hub = try TemporaryHub()
    let repository = try HubRepository(.dataset, "user/data")
    let old = hub.server.add(.dataset, "user/data", files: ["a.txt": Data("old".utf8)], tags: ["v2.1"])
    hub.server.add(.dataset, "user/data", files: ["a.txt": Data("new".utf8)])
    let client = Hub(hub.settings)
    for (revision, text) in [("main", "new"), ("v2.1", "old"), (old, "old")] {
      let folder = try client.fetch(client.listing(of: repository, revision: revision))
      #expect(try String(contentsOf: folder.appendingPathComponent("a.txt"), encoding: .utf8) == text)
      #expect(HubCache(repository, hub.settings).snapshot(revision: revision)?.path == folder.path)
    }
    #expect(try client.revisions(of: repository) == ["main", "v2.1"])
  }

  @Test func `a hub that tells neither sizes nor hashes is asked for them`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.hideDetails()
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == hub.large)
    #expect(hub.server.requests.contains { $0.hasPrefix("HEAD ") && $0.hasSuffix("model.safetensors") })
  }

  @Test func `a long list comes in pages`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.listInPages(of: 2)
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == hub.large)
    #expect(hub.server.requests.count { $0.contains("/tree/") } == 2)
  }

  @Test func `a repository that was renamed is found`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(.redirect(to: "/api/models/user/toy/revision/main?blobs=true"), at: "user/old/revision/main")
    let listing = try Hub(hub.settings).listing(of: HubRepository(.model, "user/old"))
    for file in ["config.json", "model.safetensors", "sub/notes.txt"] {
      hub.server.inject(
        .redirect(to: "/user/toy/resolve/\(listing.commit)/\(file)"), at: "user/old/resolve/\(listing.commit)/\(file)")
    }
    let folder = try ModelLocation.directory(of: "user/old", holding: weights, settings: hub.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == hub.large)
  }

  @Test func `an interrupted download continues where it was`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    hub.server.inject(.cut(after: 100_000), at: "model.safetensors", times: 1)
    hub.settings.attempts = 1
    #expect(throws: HubError.self) {
      try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    }
    let cache = HubCache(try HubRepository(.model, "user/toy"), hub.settings)
    #expect(cache.snapshot() == nil)
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == hub.large)
    #expect(hub.server.requests.contains { $0.hasSuffix("model.safetensors range=bytes=100000-") })
  }

  @Test func `a start that belongs to something else is thrown away`() throws {
    for start in [Data(repeating: 7, count: 1000), Data(repeating: 7, count: 400_000)] {
      let hub = try TemporaryHub()
      hub.addModel()
      try hub.leavePartial(start)
      let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
      #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == hub.large)
    }
  }

  @Test func `a server without ranges is read from the start`() throws {
    let hub = try TemporaryHub()
    hub.addModel()
    try hub.leavePartial(hub.large.prefix(1000))
    hub.server.inject(.noRanges, at: "model.safetensors")
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == hub.large)
  }

  @Test func `two at once fetch a file once`() async throws {
    let hub = try TemporaryHub()
    hub.addModel()
    let settings = hub.settings
    let folders = try await withThrowingTaskGroup(of: String.self) { group in
      for _ in 0..<4 {
        group.addTask {
          try ModelLocation.directory(
            of: "user/toy", holding: ["config.json", "model.safetensors"], settings: settings
          ).path
        }
      }
      return try await group.reduce(into: Set()) { $0.insert($1) }
    }
    #expect(folders.count == 1)
    #expect(hub.server.requests.count { $0.hasPrefix("GET store/") } == 1)
  }

  @Test func `the token goes to the hub and to nobody else`() throws {
    let hub = try TemporaryHub(token: "hf_secret", given: "hf_secret\n")
    hub.server.add(.model, "user/toy", files: hub.modelFiles, isPrivate: true)
    _ = try ModelLocation.directory(of: "user/toy", holding: weights, settings: hub.settings)
    let requests = hub.server.requests
    #expect(requests.contains { $0.hasPrefix("GET store/") })
    for request in requests { #expect(request.hasSuffix(" token") == !request.contains("store/"), "\(request)") }
    #expect(!String(reflecting: hub.settings).contains("secret") && !"\(hub.settings)".contains("secret"))
    var text = ""
    dump(hub.settings, to: &text)
    #expect(!text.contains("secret"))
  }
}
