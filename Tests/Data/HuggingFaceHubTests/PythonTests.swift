import Foundation
import Testing
import TestSupport

@testable import HuggingFaceHub

/// huggingface_hub itself at the same hub and cache; `make parity` names its Python.
private let python = ProcessInfo.processInfo.environment["WM_PARITY_HUB_PYTHON"]

@Suite(.enabled(if: python != nil, "needs huggingface_hub; run `make parity`")) struct PythonTests {
  private func place() throws -> Place {
    let place = try Place(given: "any")
    place.addToy()
    place.hub.add(
      .dataset, "user/data", files: ["meta/info.json": Data("{}".utf8), "a/b.parquet": place.large], tags: ["v3.0"])
    place.hub.add(.model, "user/part", files: place.toy)
    return place
  }

  private func start(_ step: String, _ place: Place, _ more: String...) throws -> (Process, Pipe) {
    let process = Process()
    process.currentDirectoryURL = Checkout.url
    process.executableURL = URL(fileURLWithPath: python ?? "")
    process.arguments = ["-m", "oracle.parity.hub", step, place.hub.endpoint, place.settings.modelCache.path] + more
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    return (process, output)
  }

  private func run(_ step: String, _ place: Place) throws {
    let (process, _) = try start(step, place)
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    print("parity hub_\(step): files equal, deviation 0 (tolerance 0)")
  }

  private func fetchAll(_ place: Place) throws -> (model: URL, dataset: URL) {
    let hub = Hub(place.settings)
    return (
      try hub.fetch(hub.listing(of: HubRepository(.model, "user/toy"))),
      try hub.fetch(hub.listing(of: HubRepository(.dataset, "user/data"), revision: "v3.0"))
    )
  }

  @Test func `Python reads what was fetched here, and fetches nothing again`() throws {
    let place = try place()
    _ = try fetchAll(place)
    place.hub.forgetRequests()
    try run("read", place)
    // Its own fresh cache is the only reason to ask for content, once.
    #expect(place.hub.requests.count { $0.hasPrefix("GET store/") } == 2)
  }

  @Test func `what Python fetched is read here, and fetched no second time`() throws {
    let place = try place()
    try run("fetch", place)
    place.hub.forgetRequests()
    var offline = place.settings
    offline.isOffline = true
    let files = ["config.json", "model.safetensors"]
    let folder = try ModelLocation.directory(of: "user/toy", holding: files, settings: offline)
    #expect(try Data(contentsOf: folder.appendingPathComponent("model.safetensors")) == place.large)
    _ = try fetchAll(place)
    #expect(!place.hub.requests.contains { $0.contains("/resolve/") || $0.contains("store/") })
    // A snapshot that is not whole is completed.
    let part = try ModelLocation.directory(of: "user/part", holding: files, settings: place.settings)
    #expect(try Data(contentsOf: part.appendingPathComponent("model.safetensors")) == place.large)
  }

  @Test(arguments: [nil, 100_000]) func `Python uploads to the loopback hub as to the real one`(_ partSize: Int?) throws
  {
    let place = try place()
    if let partSize { place.hub.takeUploadsInParts(of: partSize) }
    try run("upload", place)
    #expect(place.hub.files(.model, "user/python")?["model.safetensors"] == Data(place.large.reversed()))
  }

  @Test func `Python reads the card`() throws {
    let place = try place()
    var card = ModelCard(modelName: "smolvla", repository: "user/new", summary: "Trained.")
    (card.baseModel, card.dataset, card.tags) = ("lerobot/smolvla_base", "user/data", ["yes", "a \"b\": c"])
    let readme = HubUpload("README.md", .bytes(Array(card.text.utf8)))
    _ = try Hub(place.settings).upload([readme], to: HubRepository(.model, "user/new"), summary: "card")
    try run("card", place)
  }

  @Test func `Python's lock on a blob is waited for`() throws {
    let place = try place()
    let blob = place.partial.deletingPathExtension().lastPathComponent
    let (process, output) = try start("lock", place, blob)
    var said = ""
    while !said.contains("held") {
      let piece = output.fileHandleForReading.availableData
      try #require(!piece.isEmpty)
      said += String(decoding: piece, as: UTF8.self)
    }
    let start = Date()
    _ = try fetchAll(place)
    #expect(Date().timeIntervalSince(start) > 0.5)
    process.waitUntilExit()
  }
}
