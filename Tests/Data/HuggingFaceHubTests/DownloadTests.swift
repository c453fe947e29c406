import Foundation
import Testing
import TestSupport

@testable import HuggingFaceHub

@Suite struct DownloadTests {
  private let weights = ["config.json", "model.safetensors"]

  @Test func `files arrive whole, in the layout of huggingface_hub`() throws {
    let place = try Place()
    let commit = place.addToy()
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    let repository = place.home.appendingPathComponent("hub/models--user--toy")
    #expect(folder.path == repository.appendingPathComponent("snapshots/\(commit)").path)
    #expect(try String(contentsOf: repository.appendingPathComponent("refs/main"), encoding: .utf8) == commit)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
    let files = FileManager.default
    let link = try files.destinationOfSymbolicLink(atPath: folder.appendingPathComponent("sub/notes.txt").path)
    #expect(link.hasPrefix("../../../blobs/"))
    let blobs = try files.contentsOfDirectory(atPath: repository.appendingPathComponent("blobs").path)
    #expect(blobs.count == 3 && blobs.allSatisfy { [40, 64].contains($0.count) })
  }

  @Test func `what is not needed stays on the hub`() throws {
    let place = try Place()
    place.addToy(also: ["pytorch_model.bin": place.large, "onnx/model.onnx": place.large])
    let folder = try ModelLocation.directory(of: "user/toy", settings: place.settings)
    #expect(try Set(FileManager.default.contentsOfDirectory(atPath: folder.path)) == ["config.json", "sub"])
    // The weights come when they are asked for, and nothing else a second time.
    place.hub.forgetRequests()
    _ = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    #expect(place.hub.requests.count == 3)
    #expect(!place.hub.requests.contains { $0.hasSuffix("pytorch_model.bin") || $0.hasSuffix("config.json") })
  }

  @Test func `what is in the cache is used without asking anybody`() throws {
    var place = try Place()
    place.addToy()
    let first = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    place.hub.forgetRequests()
    #expect(try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings) == first)
    place.settings.isOffline = true
    #expect(try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings) == first)
    #expect(place.hub.requests.isEmpty)
    place = try Place()
    place.settings.isOffline = true
    #expect(throws: HubError.self) { try ModelLocation.directory(of: "user/toy", settings: place.settings) }
    #expect(place.hub.requests.isEmpty)
  }

  @Test func `branches, tags and commits are told apart`() throws {
    let place = try Place()
    let repository = try HubRepository(.dataset, "user/data")
    let old = place.hub.add(.dataset, "user/data", files: ["a.txt": Data("old".utf8)], tags: ["v2.1"])
    place.hub.add(.dataset, "user/data", files: ["a.txt": Data("new".utf8)])
    let hub = Hub(place.settings)
    for (revision, text) in [("main", "new"), ("v2.1", "old"), (old, "old")] {
      let folder = try hub.fetch(hub.listing(of: repository, revision: revision))
      #expect(try String(contentsOf: folder.appendingPathComponent("a.txt"), encoding: .utf8) == text)
      #expect(HubCache(repository, place.settings).snapshot(revision: revision)?.path == folder.path)
    }
    #expect(try hub.revisions(of: repository) == ["main", "v2.1"])
  }

  @Test func `a hub that tells neither sizes nor hashes is asked for them`() throws {
    let place = try Place()
    place.addToy()
    place.hub.hideDetails()
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
    #expect(place.hub.requests.contains { $0.hasPrefix("HEAD ") && $0.hasSuffix("model.safetensors") })
  }

  @Test func `a long list comes in pages`() throws {
    let place = try Place()
    place.addToy()
    place.hub.listInPages(of: 2)
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
    #expect(place.hub.requests.count { $0.contains("/tree/") } == 2)
  }

  @Test func `a repository that was renamed is found`() throws {
    let place = try Place()
    place.addToy()
    place.hub.make(.redirect(to: "/api/models/user/toy/revision/main?blobs=true"), at: "user/old/revision/main")
    let listing = try Hub(place.settings).listing(of: HubRepository(.model, "user/old"))
    for file in ["config.json", "model.safetensors", "sub/notes.txt"] {
      place.hub.make(
        .redirect(to: "/user/toy/resolve/\(listing.commit)/\(file)"), at: "user/old/resolve/\(listing.commit)/\(file)")
    }
    let folder = try ModelLocation.directory(of: "user/old", holding: weights, settings: place.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
  }

  @Test func `an interrupted download continues where it was`() throws {
    let place = try Place()
    place.addToy()
    place.hub.make(.cut(after: 100_000), at: "model.safetensors", times: 1)
    place.settings.attempts = 1
    #expect(throws: HubError.self) {
      try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    }
    let cache = HubCache(try HubRepository(.model, "user/toy"), place.settings)
    #expect(cache.snapshot() == nil)
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
    #expect(place.hub.requests.contains { $0.hasSuffix("model.safetensors range=bytes=100000-") })
  }

  @Test func `a start that belongs to something else is thrown away`() throws {
    for start in [Data(repeating: 7, count: 1000), Data(repeating: 7, count: 400_000)] {
      let place = try Place()
      place.addToy()
      try place.leavePartial(start)
      let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
      #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
    }
  }

  @Test func `a server without ranges is read from the start`() throws {
    let place = try Place()
    place.addToy()
    try place.leavePartial(place.large.prefix(1000))
    place.hub.make(.noRanges, at: "model.safetensors")
    let folder = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
  }

  @Test func `two at once fetch a file once`() async throws {
    let place = try Place()
    place.addToy()
    let settings = place.settings
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
    #expect(place.hub.requests.count { $0.hasPrefix("GET store/") } == 1)
  }

  @Test func `the token goes to the hub and to nobody else`() throws {
    let place = try Place(token: "hf_secret", given: "hf_secret\n")
    place.hub.add(.model, "user/toy", files: place.toy, isPrivate: true)
    _ = try ModelLocation.directory(of: "user/toy", holding: weights, settings: place.settings)
    let requests = place.hub.requests
    #expect(requests.contains { $0.hasPrefix("GET store/") })
    for request in requests { #expect(request.hasSuffix(" token") == !request.contains("store/"), "\(request)") }
    #expect(!String(reflecting: place.settings).contains("secret") && !"\(place.settings)".contains("secret"))
    var text = ""
    dump(place.settings, to: &text)
    #expect(!text.contains("secret"))
  }
}
