@testable import WorldEncoders
@testable import WorldLatents
import CounterBasedRandom
import Failures
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import RGBImages
import Synchronization
import Testing

@testable import WorldModality

/// A dataset of three short episodes, a tiny untrained encoder, and a folder that goes with the test.
final class TinyDataset {
  let folder: URL
  let encoder: any WorldEncoder
  let episodes = [0..<3, 3..<4, 4..<11]
  var identity: LatentCacheManifest
  /// Frames that were requested for.
  let requested = RequestedFrames()

  final class RequestedFrames: Sendable {
    let indices = Mutex<[Int]>([])
  }

  init(window: Int = 4, encoder: (any WorldEncoder)? = nil) throws {
    folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    let encoder = if let encoder { encoder } else { try VJEPA2Encoder(untrained: .tiny, seed: 5) as any WorldEncoder }
    self.encoder = encoder
    identity = LatentCacheManifest(
      datasetRepoID: "local/tiny",
      dataset: DatasetFingerprint(
        revision: Self.commit, episodes: 3, frames: 11, files: ["meta/info.json": "a"]),
      camera: "observation.images.front",
      encoder: EncoderFingerprint(source: encoder.source, name: "tiny", sha256: "0123456789abcdef"),
      latentDimension: 12, temporalWindow: window, preprocessing: encoder.preprocessing)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  static let commit = String(repeating: "a", count: 40)

  var url: URL {
    get throws {
      try LatentCache.url(cacheDirectory: folder, datasetRepoID: "local/tiny", source: "vjepa", suffix: "m4")
    }
  }

  static func image(_ index: Int) throws -> RGBImage {
    let random = CountedRandom(seed: 9, "frames").at(index)
    return try RGBImage(
      width: 12, height: 10, pixels: (0..<10 * 12 * 3).map { UInt8(random.integer($0, below: 256)) })
  }

  /// [1, 10, 12, 3] uint8
  func frame(_ index: Int) throws -> Tensor { try Tensor(Self.image(index).pixels, shape: [1, 10, 12, 3]) }

  @discardableResult func precompute(
    batch: Int = 4, shard: Shard? = nil, workers: Int = 0, to url: URL? = nil, overwrite: Bool = false,
    _ progress: (Int, Int) throws -> Void = { _, _ in }
  ) throws -> [Shard] {
    try WorldLatentPrecomputation(encoder, identity: identity, episodes: episodes, batchSize: batch, shard: shard)
      .run(
        to: url ?? self.url, overwrite: overwrite, workers: workers,
        image: { [requested] index in
          requested.indices.withLock { $0.append(index) }
          return try Self.image(index)
        }, progress: progress)
  }

  var expectation: LatentCacheRequirements {
    LatentCacheRequirements(
      datasetRepoID: "local/tiny", frames: 11, source: encoder.source, latentDimension: 12,
      temporalWindow: identity.temporalWindow,
      dataset: identity.dataset, camera: identity.camera, encoderName: "tiny", encoderSHA256: "0123456789abcdef")
  }
}

struct LatentCacheTests {
  @Test func `the cache lies under the published name and holds each clip's latent`() throws {
    let tiny = try TinyDataset()
    var reports: [Int] = []
    try tiny.precompute { done, _ in reports.append(done) }
    #expect(try tiny.url.path.hasSuffix("/local/tiny/train_world_latents_vjepa_m4.fp16.npy"))
    #expect(tiny.requested.indices.withLock { $0 } == Array(0..<11))
    #expect(reports == [0, 4, 8, 11])
    let cache = try LatentCache(tiny.url, expecting: tiny.expectation)
    #expect(cache.warning == nil && cache.identity == tiny.identity)
    #expect(try FileManager.default.contentsOfDirectory(atPath: tiny.url.deletingLastPathComponent().path).count == 2)
    // Frame 5 is its episode's second: two repeated firsts stand before it.
    let frames = try Tensor.concatenation(
      [4, 5].map { try tiny.encoder.preprocessing.frames(tiny.frame($0)) }, dimension: 0)
    let expected = try tiny.encoder.latents(of: frames, clips: [[0, 0, 0, 1]]).squeezed(0)
    let window = try WorldWindow(frame: 5, episode: 4..<11)
    let found = try cache.latents([window], history: 1, future: 0).history.reshaped([12])
    #expect(try found.distance(to: expected) < 2e-3)
  }

  @Test func `windows are those of the episodes, with flags`() throws {
    let tiny = try TinyDataset()
    try tiny.precompute()
    let cache = try LatentCache(tiny.url, expecting: tiny.expectation)
    let windows = [try WorldWindow(frame: 4, episode: 4..<11), try WorldWindow(frame: 2, episode: 0..<3)]
    let latents = try cache.latents(windows, history: 3, future: 2)
    let all = try cache.latents(
      (0..<11).map { frame in try WorldWindow(frame: frame, episode: 0..<11) }, history: 1, future: 0
    ).history
    func rows(_ indices: [Int]) throws -> Tensor {
      try Tensor.stack(indices.map { try all.select(dimension: 0, index: $0).select(dimension: 0, index: 0) })
    }
    #expect(latents.history.shape == [2, 3, 12] && latents.history.dtype == .float32)
    #expect(try latents.history.select(dimension: 0, index: 0).isIdentical(to: rows([4, 4, 4])))
    #expect(try latents.history.select(dimension: 0, index: 1).isIdentical(to: rows([0, 1, 2])))
    #expect(try latents.future.select(dimension: 0, index: 0).isIdentical(to: rows([5, 6])))
    #expect(try latents.future.select(dimension: 0, index: 1).isIdentical(to: rows([2, 2])))
    #expect(try latents.isValid.scalars(Bool.self) == [true, true, false, false])
    #expect(throws: Failure.self) {
      try cache.latents([WorldWindow(frame: 11, episode: 0..<12)], history: 1, future: 1)
    }
  }

  @Test func `an interruption anywhere changes no bit`() throws {
    struct Interrupted: Error {}
    let whole = try TinyDataset()
    try whole.precompute(batch: 3)
    let expected = try MappedFile(whole.url).sha256
    for stop in [0, 3, 6, 9] {
      let tiny = try TinyDataset()
      #expect(throws: Interrupted.self) {
        try tiny.precompute(batch: 3) { done, _ in if done == stop { throw Interrupted() } }
      }
      #expect(throws: Failure.self) { try LatentCache(tiny.url, expecting: tiny.expectation) }
      try tiny.precompute(batch: 3)
      #expect(try MappedFile(tiny.url).sha256 == expected)
    }
    // Interrupted in the middle of a batch: two of its three rows are on disk.
    let tiny = try TinyDataset()
    #expect(throws: Interrupted.self) {
      try tiny.precompute(batch: 3) { done, _ in if done == 6 { throw Interrupted() } }
    }
    let partial = try NumpyWriter.partialURL(of: tiny.url)
    try Data(Data(contentsOf: partial).dropLast(24 + 7)).write(to: partial)
    try tiny.precompute(batch: 3)
    #expect(try MappedFile(tiny.url).sha256 == expected)
  }

  @Test func `a finished cache is kept unless it may be overwritten`() throws {
    let tiny = try TinyDataset()
    try tiny.precompute()
    #expect(throws: Failure.self) { try tiny.precompute() }
    try tiny.precompute(overwrite: true)
    _ = try LatentCache(tiny.url, expecting: tiny.expectation)
  }

  @Test func `a rollout's history has the cache's latents`() throws {
    let tiny = try TinyDataset()
    try tiny.precompute()
    let cache = try LatentCache(tiny.url, expecting: tiny.expectation)
    for frame in 4..<11 {
      let window = try WorldWindow(frame: frame, episode: 4..<11)
      let images = try Tensor.concatenation(window.history(frames: 6).map { try tiny.frame($0) }, dimension: 0)
        .unsqueezed(0)
      let history = try tiny.encoder.latentHistory(of: images, contextFrames: 3, temporalWindow: 4)
      #expect(try history.distance(to: cache.latents([window], history: 3, future: 0).history) < 2e-3)
    }
    #expect(throws: Failure.self) {
      try tiny.encoder.latentHistory(
        of: Tensor.zeros([1, 5, 4, 4, 3], dtype: .uint8), contextFrames: 3, temporalWindow: 4)
    }
  }

  @Test func `a cache of something else is refused by the flag that fixes it`() throws {
    let tiny = try TinyDataset()
    try tiny.precompute()
    let changes: [(String, (inout LatentCacheRequirements) -> Void)] = [
      ("`world_latent_dim=12", { $0.latentDimension = 16 }), ("11 rows", { $0.frames = 12 }),
      ("`dataset_repo_id", { $0.datasetRepoID = "local/other" }), ("`image_key", { $0.camera = "wrist" }),
      ("`temporal_window=1", { $0.temporalWindow = 1 }),
      ("`world_latents_source", { $0.source = .dino }), ("`world_camera", { $0.camera = "wrist" }),
      ("`dataset.revision=\(TinyDataset.commit)", { $0.dataset?.revision = String(repeating: "b", count: 40) }),
      ("0123456789ab", { $0.encoderSHA256 = "ffff" }),
      ("meta/info.json", { $0.dataset?.files["meta/info.json"] = "b" }), ("episodes", { $0.dataset?.episodes = 4 }),
      (
        "`world_vision_model_name",
        {
          $0.encoderSHA256 = nil
          $0.encoderName = "other"
        }
      ),
    ]
    for (hint, change) in changes {
      var expectation = tiny.expectation
      change(&expectation)
      let error = #expect(throws: Failure.self) { try LatentCache(tiny.url, expecting: expectation) }
      #expect(error?.description.contains(hint) == true, "\(hint): \(error?.description ?? "")")
    }
  }

  @Test func `a cache without a sidecar is accepted with a warning, its shape checked`() throws {
    let tiny = try TinyDataset()
    try tiny.precompute()
    try FileManager.default.removeItem(at: LatentCache.sidecarURL(of: tiny.url))
    let cache = try LatentCache(tiny.url, expecting: tiny.expectation)
    #expect(cache.warning?.contains("no sidecar") == true && cache.identity == nil)
    var expectation = tiny.expectation
    expectation.frames = 10
    #expect(throws: Failure.self) { try LatentCache(tiny.url, expecting: expectation) }
  }

  @Test func `damaged files are refused`() throws {
    let tiny = try TinyDataset()
    var expectation = tiny.expectation
    expectation.recipe = LatentRecipe(
      datasetName: "local/tiny", datasetRoot: "the data", revision: nil, camera: "observation.images.image",
      cacheDirectory: "cache", source: .vjepa, encoderName: "tiny", temporalWindow: 4, suffix: "m4", device: "cpu")
    var error = #expect(throws: Failure.self) { try LatentCache(tiny.url, expecting: expectation) }
    let command =
      "`precompute dataset_name=local/tiny dataset_root='the data' image_key=observation.images.image cache_dir=cache "
      + "world_latents_source=vjepa world_vision_model_name=tiny temporal_window=4 latent_suffix=m4 device=cpu`"
    #expect(error?.description.contains("does not exist; run \(command), or fix `cache_dir`") == true)
    try tiny.precompute()
    let (cache, sidecar) = (try tiny.url, LatentCache.sidecarURL(of: try tiny.url))
    let sound = tiny.identity.json(rowsFinished: 11).text(.compact)
    let others = [("0.485", "0.5"), ("0.229", "0.2"), ("bilinear", "bicubic")].map { old, new in
      sound.replacingOccurrences(of: old, with: new)
    }
    #expect(Set(others).count == 3 && !others.contains(sound))
    for text in ["{}", "{\"code_version\": 99}", "{\"code_version\": 1}"] + others {
      try Data(text.utf8).write(to: sidecar)
      error = #expect(throws: Failure.self) { try LatentCache(cache, expecting: tiny.expectation) }
      #expect(error?.description.contains("again with `overwrite`") == true)
    }
    try Data("not JSON".utf8).write(to: sidecar)
    #expect(throws: FileError.self) { try LatentCache(cache, expecting: tiny.expectation) }
    try tiny.identity.json(rowsFinished: 10).write(to: sidecar, overwrite: true)
    #expect(throws: Failure.self) { try LatentCache(cache, expecting: tiny.expectation) }
    try Data(Data(contentsOf: cache).dropLast(3)).write(to: cache)
    #expect(throws: FileError.self) { try LatentCache(cache, expecting: tiny.expectation) }
  }

  @Test func `latents of an odd window that an earlier version made are refused, others are not`() throws {
    for (window, isRefused) in [(3, true), (4, false), (1, false)] {
      let tiny = try TinyDataset(window: window)
      tiny.identity.codeVersion = 1
      try tiny.precompute()
      let open = { try LatentCache(tiny.url, expecting: tiny.expectation) }
      guard isRefused else {
        #expect(try open().identity?.codeVersion == 1)
        continue
      }
      let error = #expect(throws: Failure.self) { try open() }
      #expect(error?.description.contains("without the newest frame") == true)
      // A checkpoint that was trained on them is refused too.
      try tiny.identity.json(rowsFinished: 11).write(
        to: tiny.folder.appendingPathComponent(WorldLatentsFingerprint.fileName))
      #expect(throws: Failure.self) { try WorldLatentsFingerprint(in: tiny.folder) }
    }
  }

  @Test func `latents of a video by an earlier version come with a warning, because its tolerance is not known`() throws
  {
    let tiny = try TinyDataset()
    #expect(try tiny.identity.warningOfVideo(tiny.url) == nil)
    tiny.identity.codeVersion = 1
    #expect(try tiny.identity.warningOfVideo(tiny.url)?.contains("`tolerance_s`") == true)
  }

  @Test(arguments: [3, 5])
  func `the newest frame of an odd window changes its latent, as if the oldest stood twice`(window: Int) throws {
    let encoder = try VJEPA2Encoder(untrained: .tiny, seed: 5)
    let tiny = try TinyDataset(window: window, encoder: encoder)
    let frames = try Tensor.concatenation(
      (0..<6).map { try encoder.preprocessing.frames(tiny.frame($0)) }, dimension: 0)
    let clip = Array(0..<window)
    let latent = try encoder.latents(of: frames, clips: [clip])
    let other = try encoder.latents(of: frames, clips: [clip.dropLast() + [window == 5 ? 5 : 4]])
    #expect(try latent.distance(to: other) > 1e-4)
    let places = try Tensor([0] + clip, shape: [window + 1])
    let whole = try encoder.latents(
      of: frames.indexSelect(dimension: 0, indices: places).unsqueezed(0))
    #expect(try latent.isIdentical(to: whole))
  }

  @Test(arguments: [("../x", "vjepa", "m4"), ("a/b", "vj/epa", ""), ("a/b", "vjepa", "/m4"), ("", "vjepa", "m4")])
  func `names that leave the folder are refused`(repoID: String, source: String, suffix: String) {
    let folder = URL(fileURLWithPath: "/tmp/cache")
    #expect(throws: (any Error).self) {
      try LatentCache.url(cacheDirectory: folder, datasetRepoID: repoID, source: source, suffix: suffix)
    }
  }

  @Test func `episodes that leave gaps, and an encoder of another shape, are refused`() throws {
    let tiny = try TinyDataset()
    for episodes in [[0..<3, 4..<11], [0..<3, 3..<3, 3..<11], [1..<11], [0..<10], []] {
      #expect(throws: Failure.self) {
        try WorldLatentPrecomputation(tiny.encoder, identity: tiny.identity, episodes: episodes, batchSize: 4)
      }
    }
    tiny.identity.latentDimension = 16
    #expect(throws: Failure.self) { try tiny.precompute() }
  }
}
