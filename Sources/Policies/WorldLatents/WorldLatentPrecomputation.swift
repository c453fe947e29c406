import Failures
import Foundation
import LeRobotDatasets
import LibTorch
import ModelFiles
import RGBImages
import RobotPolicies
import Tracing
import WorkerThreads
import WorldEncoders

/// Encodes every frame of a dataset into its latent, and can continue where a killed process stopped.
///
/// Frame t's latent is that of the clip t−m+1 … t, clamped to the episode's start. Batches are laid from row 0 on and
/// encoded whole even where a part of one is on disk already, so that an interruption changes no bit of the file.
/// Another batch size, number of compute threads or device changes a row by rounding alone, in float32
/// about the last place of float16; the threads that decode change nothing. Each image is decoded once, ahead of the encoder, so the time is
/// the encoder's: 0.34 TFLOP for a clip of 4 frames with V-JEPA 2 ViT-L (512 tokens, 24 layers).
public struct WorldLatentPrecomputation {
  public let encoder: any WorldEncoder
  /// What the cache will say of itself.
  public let identity: LatentCacheManifest
  public let batchSize: Int
  private let episodes: [Range<Int>]

  /// Rows between two updates of the unfinished sidecar.
  private static let rowsPerRecord = 512

  /// A precomputation of a whole dataset.
  ///
  /// - Parameters:
  ///   - episodes: each episode's frames by global index, which must follow one another from 0 without a gap.
  /// - Throws: episodes that do not, and an identity that is not the encoder's.
  public init(
    _ encoder: any WorldEncoder, identity: LatentCacheManifest, episodes: [Range<Int>], batchSize: Int
  ) throws {
    guard identity.latentDimension == encoder.latentDimension, identity.preprocessing == encoder.preprocessing,
      identity.encoder.source == encoder.source, identity.temporalWindow > 0, batchSize > 0
    else {
      throw Failure(
        "the \(encoder.source.rawValue) encoder gives latents of \(encoder.latentDimension) numbers from frames of "
          + "\(encoder.preprocessing.size) pixels; `temporal_window` and `batch_size` must be 1 or more")
    }
    var next = 0
    for (number, episode) in episodes.enumerated() {
      guard episode.lowerBound == next, !episode.isEmpty else {
        throw Failure("episode \(number) covers frames \(episode), expected it to start at frame \(next)")
      }
      next = episode.upperBound
    }
    guard next == identity.dataset.frames else {
      throw Failure("the episodes hold \(next) frames, the dataset says \(identity.dataset.frames)")
    }
    self.encoder = encoder
    self.identity = identity
    self.episodes = episodes
    self.batchSize = batchSize
  }

  /// Writes the cache and its sidecar.
  ///
  /// - Parameters:
  ///   - url: the cache's place; unfinished work lies beside it with `.partial` at the end and is continued.
  ///   - workers: threads that decode images while the encoder computes; with 0 it waits for them.
  ///   - image: gives the camera's image at a global index; called from any thread, once for each frame (and once
  ///     more for those of a clip that an interruption cut).
  ///   - progress: told the rows finished and the rows in all; may throw to interrupt.
  /// - Throws: a finished cache at `url` without `overwrite`, unfinished work of another kind, what the closures and
  ///   the disk throw.
  public func run(
    to url: URL, overwrite: Bool = false, workers: Int = 2, image: @escaping @Sendable (Int) throws -> RGBImage,
    progress: (Int, Int) throws -> Void
  ) throws {
    guard overwrite || !FileManager.default.fileExists(atPath: url.path) else {
      throw Failure("the latent cache \(url.path) is complete; train with it, or encode it again with `overwrite`")
    }
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    let rows = identity.dataset.frames
    let record = NumpyWriter.partialURL(of: LatentCache.sidecarURL(of: url))
    let resumes = try continues(record)
    let writer = try NumpyWriter(
      url, .float16, rowShape: [identity.latentDimension], resume: resumes, overwrite: overwrite)
    guard writer.rowsWritten <= rows else {
      throw Failure("\(url.path).partial holds \(writer.rowsWritten) rows of \(rows); delete it")
    }
    try identity.json(rowsFinished: writer.rowsWritten).write(to: record, overwrite: true)
    try encode(writer, record, workers, image, progress)
    // The old cache goes first: at no moment does a sidecar speak of latents that are not its own.
    if overwrite { try? FileManager.default.removeItem(at: url) }
    try identity.json(rowsFinished: rows).write(to: LatentCache.sidecarURL(of: url), overwrite: true)
    try writer.finish(rows: rows)
    // A cache that is killed before this has no hash to be compared with.
    try identity.json(rowsFinished: rows, sha256: MappedFile(url).sha256).write(
      to: LatentCache.sidecarURL(of: url), overwrite: true)
    try? FileManager.default.removeItem(at: record)
  }

  /// Whether unfinished work lies there, which must be of the same kind.
  private func continues(_ record: URL) throws -> Bool {
    guard FileManager.default.fileExists(atPath: record.path) else { return false }
    if let difference = try LatentCacheManifest.read(record).identity.difference(from: identity) {
      throw Failure(
        "\(record.path) is of another precomputation (\(difference)); finish that one first, or delete it and the "
          + ".partial file beside it")
    }
    return true
  }

  private func encode(
    _ writer: NumpyWriter, _ record: URL, _ workers: Int, _ image: @escaping @Sendable (Int) throws -> RGBImage,
    _ progress: (Int, Int) throws -> Void
  ) throws {
    let schedule = ClipSchedule(episodes: episodes, batchSize: batchSize, window: identity.temporalWindow)
    let first = writer.rowsWritten / batchSize
    let loader = OrderedPrefetcher(steps: first..<schedule.batches, workers: workers, ahead: workers + 1) { batch in
      try schedule.newFrames(of: batch, first: first).map(image)
    }
    var prepared = PreparedFrames()
    var recorded = writer.rowsWritten
    try progress(writer.rowsWritten, schedule.rows)
    while let images = try loader.next() {
      let start = writer.rowsWritten / batchSize * batchSize
      let (clips, frames) = schedule.clips(of: start / batchSize)
      try prepared.advance(to: frames) {
        let pixels = try Tensor.pixels(of: images, camera: identity.camera)
        return try identity.preprocessing.frames(traced(.copy) { try pixels.to(encoder.device) })
      }
      try append(prepared.latents(encoder, clips), from: start, to: writer)
      if writer.rowsWritten - recorded >= Self.rowsPerRecord {
        try writer.synchronize()
        try identity.json(rowsFinished: writer.rowsWritten).write(to: record, overwrite: true)
        recorded = writer.rowsWritten
      }
      try progress(writer.rowsWritten, schedule.rows)
    }
  }

  /// Appends a batch's latents, without the rows that are on disk already.
  private func append(_ latents: Tensor, from start: Int, to writer: NumpyWriter) throws {
    let halves = try latents.to(.cpu).to(.float16).slice(dimension: 0, writer.rowsWritten - start..<latents.size(0))
      .contiguous()
    guard try halves.isFinite().allTrue() else {
      throw Failure(
        "the encoder's latents of frames \(start) to \(start + latents.size(0) - 1) do not fit into float16; "
          + "check the encoder's weights, or compute in float32")
    }
    try halves.withBytes { bytes in Result { try writer.append(bytes) } }.get()
  }
}

/// The preprocessed frames of the batch at hand, of which the next batch needs the last few again.
private struct PreparedFrames {
  private var indices: [Int] = []
  private var frames: Tensor?

  /// Goes on to a batch's frames, ascending; `load` gives those that are new, in order.
  mutating func advance(to wanted: [Int], load: () throws -> Tensor) throws {
    let kept = wanted.compactMap { indices.firstIndex(of: $0) }
    var parts = [try load()]
    if let frames, !kept.isEmpty {
      parts.insert(
        try frames.indexSelect(dimension: 0, indices: Tensor(kept, shape: [kept.count]).to(frames.device)), at: 0)
    }
    (indices, frames) = (wanted, try Tensor.concatenation(parts, dimension: 0))
  }

  /// The latents of clips of these frames.
  func latents(_ encoder: any WorldEncoder, _ clips: [[Int]]) throws -> Tensor {
    guard let frames else { throw Failure("no frames were prepared") }
    let places = Dictionary(uniqueKeysWithValues: indices.enumerated().map { ($1, $0) })
    return try traced(.encoder) {
      try encoder.latents(of: frames, clips: clips.map { $0.compactMap { places[$0] } })
    }
  }
}
