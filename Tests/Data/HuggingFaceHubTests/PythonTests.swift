import Foundation
import Testing
import TestSupport

@testable import HuggingFaceHub

/// huggingface_hub itself at the same hub and cache; `make parity` names its Python.
private let python = ProcessInfo.processInfo.environment["WM_PARITY_HUB_PYTHON"]

@Suite(.enabled(if: python != nil, "needs huggingface_hub; run `make parity`")) struct PythonTests {
  private func makeHub() throws -> TemporaryHub {
    let hub = try TemporaryHub(given: "any")
    hub.addModel()
    hub.server.add(
      .dataset, "user/data", files: ["meta/info.json": Data("{}".utf8), "a/b.parquet": hub.large], tags: ["v3.0"])
    hub.server.add(.model, "user/part", files: hub.modelFiles)
    return hub
  }

  private func start(_ step: String, _ hub: TemporaryHub, _ more: String...) throws -> (Process, Pipe) {
    let process = Process()
    process.currentDirectoryURL = Checkout.url
    process.executableURL = URL(fileURLWithPath: python ?? "")
    process.arguments = ["-m", "oracle.parity.hub", step, hub.server.endpoint, hub.settings.modelCache.path] + more
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    return (process, output)
  }

  private func run(_ step: String, _ hub: TemporaryHub) throws {
    let (process, _) = try start(step, hub)
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    print("parity hub_\(step): files equal, deviation 0 (tolerance 0)")
  }

  private func fetchAll(_ hub: TemporaryHub) throws -> (model: URL, dataset: URL) {
    let hub = Hub(hub.settings)
    return (
      try hub.fetch(hub.listing(of: HubRepository(.model, "user/toy"))),
      try hub.fetch(hub.listing(of: HubRepository(.dataset, "user/data"), revision: "v3.0"))
    )
  }

  @Test func `Python reads what was fetched here, and fetches nothing again`() throws {
    let hub = try makeHub()
    _ = try fetchAll(hub)
    hub.server.forgetRequests()
    try run("read", hub)
    // Its own fresh cache is the only reason to ask for content, once.
    #expect(hub.server.requests.count { $0.hasPrefix("GET store/") } == 2)
  }

  @Test func `what Python fetched is read here, and fetched no second time`() throws {
    let hub = try makeHub()
    try run("fetch", hub)
    hub.server.forgetRequests()
    var offline = hub.settings
    offline.isOffline = true
    let files = ["config.json", "model.safetensors"]
    let folder = try ModelLocation.directory(of: "user/toy", holding: files, settings: offline)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == hub.large)
    _ = try fetchAll(hub)
    #expect(!hub.server.requests.contains { $0.contains("/resolve/") || $0.contains("store/") })
    // A snapshot that is not whole is completed.
    let part = try ModelLocation.directory(of: "user/part", holding: files, settings: hub.settings)
    #expect(try Data(contentsOf: part.appendingPathComponent("model.safetensors")) == hub.large)
  }

  @Test(arguments: [nil, 100_000]) func `Python uploads to the loopback hub as to the real one`(_ partSize: Int?) throws
  {
    let hub = try makeHub()
    if let partSize { hub.server.takeUploadsInParts(of: partSize) }
    try run("upload", hub)
    #expect(hub.server.files(.model, "user/python")?["model.safetensors"] == Data(hub.large.reversed()))
  }

  @Test func `Python reads the card`() throws {
    let hub = try makeHub()
    var card = ModelCard(modelName: "smolvla", repository: "user/new", summary: "Trained.")
    (card.baseModel, card.dataset, card.tags) = ("lerobot/smolvla_base", "user/data", ["yes", "a \"b\": c"])
    let readme = HubUpload("README.md", .bytes(Array(card.text.utf8)))
    _ = try Hub(hub.settings).upload([readme], to: HubRepository(.model, "user/new"), summary: "card")
    try run("card", hub)
  }

  @Test func `Python's lock on a blob is waited for`() throws {
    let hub = try makeHub()
    let blob = hub.partial.deletingPathExtension().lastPathComponent
    let (process, output) = try start("lock", hub, blob)
    var said = ""
    while !said.contains("held") {
      let piece = output.fileHandleForReading.availableData
      try #require(!piece.isEmpty)
      said += String(decoding: piece, as: UTF8.self)
    }
    let start = Date()
    _ = try fetchAll(hub)
    #expect(Date().timeIntervalSince(start) > 0.5)
    process.waitUntilExit()
  }
}
