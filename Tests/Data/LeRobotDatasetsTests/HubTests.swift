import Failures
import Foundation
import HuggingFaceHub
import Testing
import TestSupport

@testable import LeRobotDatasets

struct HubTests {
  private func within(_ body: (LoopbackHub, URL, [String: String]) throws -> Void) throws {
    try withFolder { folder in
      let hub = try LoopbackHub()
      defer { hub.stop() }
      let environment = ["HF_ENDPOINT": hub.endpoint, "HF_HOME": folder.path, "HF_HUB_DISABLE_PROGRESS_BARS": "1"]
      try body(hub, folder, environment)
    }
  }

  @Test(arguments: ["h264", "images"]) func `is fetched and reads as it was written`(_ name: String) throws {
    try within { hub, folder, environment in
      let commit = try hub.add(.dataset, "user/toy", folder: golden(name), tags: ["v3.0"])
      hub.add(.dataset, "user/toy", files: ["README.md": Data("moved on".utf8)])
      let root = try DatasetLocation.root(repositoryID: "user/toy", environment: environment)
      #expect(root.path == folder.appendingPathComponent("hub/datasets--user--toy/snapshots/\(commit)").path)
      let (own, fetched) = (try LeRobotDataset(root: golden(name)), try LeRobotDataset(root: root))
      #expect(own.episodes == fetched.episodes && own.count == fetched.count)
      let camera = try #require(own.metadata.cameras.first)
      #expect(try own.image(camera, at: 3).pixels == fetched.image(camera, at: 3).pixels)
      // From here on nobody is asked.
      hub.forgetRequests()
      #expect(try DatasetLocation.root(repositoryID: "user/toy", environment: environment) == root)
      let offline = environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
      #expect(try DatasetLocation.root(repositoryID: "user/toy", environment: offline) == root)
      #expect(hub.requests.isEmpty)
    }
  }

  @Test func `of which some episodes are wanted brings their files only`() throws {
    try within { hub, folder, environment in
      try hub.add(.dataset, "user/old", folder: golden("v21"), tags: ["v2.1"])
      var root = try DatasetLocation.root(repositoryID: "user/old", episodes: [1], environment: environment)
      #expect(try LeRobotDataset(root: root, episodes: [1]).episodes.map(\.index) == [1])
      var fetched = hub.requests.filter { $0.hasSuffix(".parquet") && $0.hasPrefix("GET store/") }
      #expect(fetched.count == 1)
      root = try DatasetLocation.root(repositoryID: "user/old", environment: environment)
      #expect(try LeRobotDataset(root: root).episodes.count == 3)
      fetched = hub.requests.filter { $0.hasSuffix(".parquet") && $0.hasPrefix("GET store/") }
      #expect(fetched.count == 3)
    }
  }

  @Test func `whose index names other data files than there are is fetched with all of them`() throws {
    try within { hub, folder, environment in
      let copy = folder.appendingPathComponent("copy")
      try FileManager.default.copyItem(at: golden("images"), to: copy)
      let data = copy.appendingPathComponent("data/chunk-000")
      try FileManager.default.moveItem(
        at: data.appendingPathComponent("file-000.parquet"), to: data.appendingPathComponent("file-007.parquet"))
      try hub.add(.dataset, "user/merged", folder: copy, tags: ["v3.0"])
      let root = try DatasetLocation.root(repositoryID: "user/merged", environment: environment)
      #expect(try LeRobotDataset(root: root).count == LeRobotDataset(root: golden("images")).count)
      hub.forgetRequests()
      #expect(try DatasetLocation.root(repositoryID: "user/merged", environment: environment) == root)
      #expect(hub.requests.isEmpty)
    }
  }

  @Test func `is found in LeRobot's own cache, at the revision that was asked for`() throws {
    try within { hub, folder, environment in
      let commit = try hub.add(.dataset, "user/toy", folder: golden("images"), tags: ["v3.0"])
      let fetched = try DatasetLocation.root(repositoryID: "user/toy", environment: environment)
      // LeRobot 0.5 and later fetch into a cache of the same form below their own folder.
      let own = folder.appendingPathComponent("lerobot/hub")
      try FileManager.default.createDirectory(
        at: own.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.moveItem(at: folder.appendingPathComponent("hub"), to: own)
      hub.forgetRequests()
      let offline = environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
      for revision in [nil, "v3.0", commit] {
        let root = try DatasetLocation.root(repositoryID: "user/toy", revision: revision, environment: offline)
        #expect(root.path == own.appendingPathComponent("datasets--user--toy/snapshots/\(commit)").path)
        #expect(root.lastPathComponent == fetched.lastPathComponent)
      }
      #expect(throws: HubError.self) {
        try DatasetLocation.root(repositoryID: "user/toy", revision: "v9", environment: offline)
      }
      #expect(hub.requests.isEmpty)
    }
  }

  @Test func `is taken at the revision that was asked for`() throws {
    try within { hub, folder, environment in
      let first = try hub.add(.dataset, "user/toy", folder: golden("images"), branch: "old")
      try hub.add(.dataset, "user/toy", folder: golden("h264"))
      let old = try DatasetLocation.root(repositoryID: "user/toy", revision: "old", environment: environment)
      #expect(old.lastPathComponent == first)
      #expect(try LeRobotDataset(root: old).metadata.videoPath == nil || old.lastPathComponent == first)
      #expect(throws: HubError.self) {
        try DatasetLocation.root(repositoryID: "user/toy", revision: "v9", environment: environment)
      }
      // LeRobot's own copy comes first, but nobody knows of which revision it is.
      let copy = folder.appendingPathComponent("lerobot/user/toy")
      try FileManager.default.createDirectory(
        at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
      try FileManager.default.copyItem(at: golden("h264"), to: copy)
      #expect(try DatasetLocation.root(repositoryID: "user/toy", environment: environment).path == copy.path)
      let again = try DatasetLocation.root(repositoryID: "user/toy", revision: "old", environment: environment)
      #expect(again == old)
    }
  }

  @Test func `that is none, or lacks what it names, is one sentence`() throws {
    try within { hub, folder, environment in
      hub.add(.dataset, "user/other", files: ["data.csv": Data("a,b".utf8)])
      let error = #expect(throws: Failure.self) {
        try DatasetLocation.root(repositoryID: "user/other", environment: environment)
      }
      #expect(error?.description == "dataset user/other (revision main) is no LeRobotDataset: it has no meta/info.json")
      try hub.add(.dataset, "user/toy", folder: golden("images").appendingPathComponent("meta"))
      let missing = #expect(throws: HubError.self) {
        try DatasetLocation.root(repositoryID: "user/none", environment: environment)
      }
      #expect(missing?.description.contains("has no dataset user/none; check the name") == true)
    }
  }

  @Test(arguments: [
    (["main"], nil), (["main", "v3.0", "v2.1"], "v3.0"), (["v2.0", "v2.1", "main"], "v2.1"),
    (["v3.1", "v3.0"], "v3.0"),
    (["v1.6", "main"], nil), (["v3.0.1", "v2.1"], "v3.0.1"), (["3.0"], "3.0"), (["vx.y", "v2", "release-3.0"], nil),
  ])
  func `is taken at the newest version that is read here`(_ names: [String], _ expected: String?) {
    #expect(DatasetLocation.version(among: names) == expected)
  }
}
