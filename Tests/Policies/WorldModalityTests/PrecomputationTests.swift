@testable import WorldEncoders
@testable import WorldLatents
import CounterBasedRandom
import Failures
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

@testable import WorldModality

struct PrecomputationTests {
  private static func encoder(_ source: LatentsSource) throws -> any WorldEncoder {
    switch source {
    case .vjepa: try VJEPA2Encoder(untrained: .tiny, seed: 5)
    case .dino: try DINOv2Encoder(untrained: .tiny, preprocessing: .tinyCut, seed: 5)
    }
  }

  private func latents(_ tiny: TinyDataset) throws -> Tensor {
    let windows = try (0..<11).map { try WorldWindow(frame: $0, episode: 0..<11) }
    return try LatentCache(tiny.url, expecting: tiny.expectation).latents(windows, history: 1, future: 0).history
  }

  @Test(arguments: LatentsSource.allCases, Array(1...16))
  func `every row is its own clip's latent, whatever the window`(source: LatentsSource, window: Int) throws {
    let encoder = try Self.encoder(source)
    let tiny = try TinyDataset(window: window, encoder: encoder)
    try tiny.precompute()
    let found = try latents(tiny)
    for (row, start) in [(0, 0), (2, 0), (3, 3), (4, 4), (7, 4), (10, 4)] {
      // Each frame of the clip prepared alone, and the clip encoded alone.
      var frames = try (0..<window).map { step in
        try encoder.preprocessing.frames(tiny.frame(max(start, row - window + 1 + step)))
      }
      let expected: Tensor
      if let vjepa = encoder as? VJEPA2Encoder {
        // An odd clip is filled with its oldest frame, so that its newest is seen.
        if window % 2 == 1 { frames.insert(frames[0], at: 0) }
        expected = try vjepa.hiddenStates(of: Tensor.stack(frames, dimension: 1)).mean(dimensions: [0, 1])
      } else {
        let dino = try #require(encoder as? DINOv2Encoder)
        expected = try Tensor.concatenation(
          frames.map { try dino.hiddenStates(of: $0).select(dimension: 1, index: 0) }, dimension: 0
        ).mean(dimensions: [0])
      }
      #expect(
        try found.select(dimension: 0, index: row).select(dimension: 0, index: 0).distance(to: expected) < 2e-3,
        "row \(row)")
    }
    #expect(tiny.requested.indices.withLock { $0 } == Array(0..<11))
  }

  @Test(arguments: [1, 2, 5, 11, 64]) func `the batch size changes no latent beyond rounding`(size: Int) throws {
    for source in LatentsSource.allCases {
      let encoder = try Self.encoder(source)
      let (one, other) = (try TinyDataset(encoder: encoder), try TinyDataset(encoder: encoder))
      try one.precompute(batch: 4)
      try other.precompute(batch: size)
      #expect(try latents(one).distance(to: latents(other)) < 2e-3)
    }
  }

  @Test(arguments: [1, 2, 7]) func `threads that decode change no bit`(workers: Int) throws {
    let (one, other) = (try TinyDataset(), try TinyDataset())
    try one.precompute(batch: 3)
    try other.precompute(batch: 3, workers: workers)
    #expect(try MappedFile(one.url).sha256 == MappedFile(other.url).sha256)
    #expect(other.requested.indices.withLock { $0 }.sorted() == Array(0..<11))
  }

  @Test func `unfinished work of another kind is not continued, and what differs is named`() throws {
    struct Interrupted: Error {}
    let tiny = try TinyDataset()
    #expect(throws: Interrupted.self) { try tiny.precompute { done, _ in if done == 4 { throw Interrupted() } } }
    let sound = tiny.identity
    let changes: [(String, (inout LatentCacheManifest) -> Void)] = [
      ("temporal window 4, not 2", { $0.temporalWindow = 2 }), ("wrist", { $0.camera = "wrist" }),
      ("encoder weights", { $0.encoder.sha256 = "ff" }), ("bfloat16", { $0.encoder.precision = "bfloat16" }),
      ("local/other", { $0.datasetRepoID = "local/other" }),
      ("info.json", { $0.dataset.files["meta/info.json"] = "b" }),
    ]
    for (clue, change) in changes {
      tiny.identity = sound
      change(&tiny.identity)
      let error = #expect(throws: Failure.self) { try tiny.precompute(to: tiny.url) }
      #expect(error?.description.contains(".partial") == true && error?.description.contains(clue) == true, "\(clue)")
    }
    // Another name of the same weights is no other encoder.
    tiny.identity = sound
    tiny.identity.encoder.name = "elsewhere/tiny"
    try tiny.precompute()
  }

  @Test(arguments: [1, 2, 3]) func `shards make the same file together, in any order and after interruptions`(
    count: Int
  ) throws {
    struct Interrupted: Error {}
    let (whole, parts) = (try TinyDataset(), try TinyDataset())
    try whole.precompute()
    let shards = Shard.all(of: count)
    for shard in shards.dropFirst().reversed() {
      #expect(try parts.precompute(shard: shard).contains(shards[0]))
      // Finished, it waits for the others without encoding again.
      let requested = parts.requested.indices.withLock { $0.count }
      #expect(try parts.precompute(shard: shard).contains(shards[0]))
      #expect(parts.requested.indices.withLock { $0.count } == requested)
    }
    #expect(throws: Interrupted.self) {
      try parts.precompute(shard: shards[0]) { done, _ in if done == 4 { throw Interrupted() } }
    }
    #expect(try parts.precompute(shard: shards[0]).isEmpty)
    #expect(try MappedFile(whole.url).sha256 == MappedFile(parts.url).sha256)
    _ = try LatentCache(parts.url, expecting: parts.expectation)
    #expect(try FileManager.default.contentsOfDirectory(atPath: parts.url.deletingLastPathComponent().path).count == 2)
    #expect(throws: Failure.self) { try parts.precompute(shard: shards[0]) }
    #expect(try parts.precompute(shard: shards[0], overwrite: true) == Array(shards.dropFirst()))
  }

  @Test func `shards of other batches or data are not joined, and there are not more of them than batches`() throws {
    let tiny = try TinyDataset()
    let shards = Shard.all(of: 2)
    try tiny.precompute(shard: shards[0])
    for change in [{ $0.camera = "wrist" }, { $0.codeVersion = 1 }] as [(inout LatentCacheManifest) -> Void] {
      let sound = tiny.identity
      change(&tiny.identity)
      var encoded = 0
      let error = #expect(throws: Failure.self) { try tiny.precompute(shard: shards[1]) { done, _ in encoded = done } }
      #expect(error?.description.contains("another precomputation") == true)
      #expect(encoded == 0, "hours of work that cannot be joined")
      tiny.identity = sound
    }
    try FileManager.default.removeItem(at: tiny.folder)
    try tiny.precompute(batch: 2, shard: shards[0])
    let error = #expect(throws: Failure.self) { try tiny.precompute(batch: 4, shard: shards[1]) }
    #expect(error?.description.contains("batch size 2, not 4") == true)
    #expect(throws: Failure.self) { try tiny.precompute(batch: 4, shard: Shard.all(of: 4)[0]) }
  }

  @Test(arguments: ["2/2", "x", "1/0", "-1/2", "1", "/", "0/99999999"]) func `a shard is one of those that there are`(
    text: String
  ) {
    #expect(throws: ConfigurationValueError.self) { try Shard(flag: text) }
  }

  @Test func `a schedule asks for each frame once`() {
    for window in 1...6 {
      for batch in 1...12 {
        let schedule = ClipSchedule(episodes: [0..<3, 3..<4, 4..<11], batchSize: batch, window: window)
        for first in 0..<schedule.batches {
          let requested = (first..<schedule.batches).flatMap { schedule.newFrames(of: $0, first: first) }
          #expect(Set(requested).count == requested.count && requested.last == 10)
        }
      }
    }
  }
}
