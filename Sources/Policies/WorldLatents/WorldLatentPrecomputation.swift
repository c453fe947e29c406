import Failures
import Foundation
import LayeredSettings
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
  /// The part of the dataset that is encoded; nil for all of it.
  public let shard: Shard?
  private let schedule: ClipSchedule

  /// Rows between two updates of the unfinished sidecar.
  private static let rowsPerRecord = 512

  /// A precomputation of a whole dataset, or of a part of it.
  ///
  /// - Parameters:
  ///   - episodes: each episode's frames by global index, which must follow one another from 0 without a gap.
  /// - Throws: episodes that do not, an identity that is not the encoder's, and more shards than batches.
  public init(
    _ encoder: any WorldEncoder, identity: LatentCacheManifest, episodes: [Range<Int>], batchSize: Int,
    shard: Shard? = nil
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
    self.batchSize = batchSize
    self.shard = shard
    schedule = ClipSchedule(episodes: episodes, batchSize: batchSize, window: identity.temporalWindow)
    if let shard, shard.count > schedule.batches {
      throw Failure(
        "\(shard.count) shards are more than the \(schedule.batches) batches of \(batchSize) clips; choose fewer in `shard`"
      )
    }
  }

  /// The rows that are encoded here.
  public var rows: Range<Int> { rows(of: shard) }

  func rows(of shard: Shard?) -> Range<Int> {
    let batches = batches(of: shard)
    return batches.lowerBound * batchSize..<min(batches.upperBound * batchSize, schedule.rows)
  }

  private func batches(of shard: Shard?) -> Range<Int> {
    shard?.range(of: schedule.batches) ?? 0..<schedule.batches
  }

  /// Writes the cache and its sidecar; as a shard, its part, and the cache if that was the last one.
  ///
  /// - Parameters:
  ///   - url: the cache's place; unfinished work lies beside it with `.partial` at the end and is continued.
  ///   - workers: threads that decode images while the encoder computes; with 0 it waits for them.
  ///   - image: gives the camera's image at a global index; called from any thread, once for each frame (and once
  ///     more for those of a clip that an interruption cut).
  ///   - progress: told the rows finished and the rows in all; may throw to interrupt.
  /// - Returns: the shards that are not finished, so that there is no cache yet.
  /// - Throws: a finished cache at `url` without `overwrite`, unfinished work of another kind, what the closures and
  ///   the disk throw.
  @discardableResult
  public func run(
    to url: URL, overwrite: Bool = false, workers: Int = 2, image: @escaping @Sendable (Int) throws -> RGBImage,
    progress: (Int, Int) throws -> Void
  ) throws -> [Shard] {
    guard overwrite || !url.isThere else {
      throw Failure("the latent cache \(url.path) is complete; train with it, or encode it again with `overwrite`")
    }
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    guard let shard else {
      try publish(encoded(to: url, overwrite: overwrite, workers, image, progress), overwrite: overwrite)
      return []
    }
    // Before hours of work that could not be joined with the other shards'.
    for sidecar in Shard.all(of: shard.count).map({ LatentCache.sidecarURL(of: $0.url(of: url)) }) where sidecar.isThere
    {
      try requireSame(sidecar)
    }
    let part = shard.url(of: url)
    if LatentCache.sidecarURL(of: part).isThere {
      try progress(rows.count, rows.count)
    } else {
      let writer = try encoded(to: part, overwrite: true, workers, image, progress)
      try writer.finish(rows: rows.count)
      try finishRecord(of: part)
    }
    return try join(shard, into: url, overwrite: overwrite)
  }

  /// The latents of the rows, in a file that has not its final name yet.
  private func encoded(
    to url: URL, overwrite: Bool, _ workers: Int, _ image: @escaping @Sendable (Int) throws -> RGBImage,
    _ progress: (Int, Int) throws -> Void
  ) throws -> NumpyWriter {
    let record = NumpyWriter.partialURL(of: LatentCache.sidecarURL(of: url))
    let resumes = record.isThere
    if resumes { try requireSame(record) }
    let writer = try NumpyWriter(
      url, .float16, rowShape: [identity.latentDimension], resume: resumes, overwrite: overwrite)
    guard writer.rowsWritten <= rows.count else {
      throw Failure("\(url.path).partial holds \(writer.rowsWritten) rows of \(rows.count); delete it")
    }
    try self.record(rowsFinished: writer.rowsWritten).write(to: record, overwrite: true)
    try encode(writer, record, workers, image, progress)
    return writer
  }

  /// Gives a whole cache its name and its sidecar.
  func publish(_ writer: NumpyWriter, overwrite: Bool) throws {
    let (url, rows) = (writer.url, identity.dataset.frames)
    // The old cache goes first: at no moment does a sidecar speak of latents that are not its own.
    if overwrite { try? FileManager.default.removeItem(at: url) }
    try identity.json(rowsFinished: rows).write(to: LatentCache.sidecarURL(of: url), overwrite: true)
    try writer.finish(rows: rows)
    // A cache that is killed before this has no hash to be compared with.
    try identity.json(rowsFinished: rows, sha256: MappedFile(url).sha256).write(
      to: LatentCache.sidecarURL(of: url), overwrite: true)
    try? FileManager.default.removeItem(at: NumpyWriter.partialURL(of: LatentCache.sidecarURL(of: url)))
  }

  /// Says that a shard is whole.
  private func finishRecord(of part: URL) throws {
    let sidecar = LatentCache.sidecarURL(of: part)
    try record(rowsFinished: rows.count).write(to: sidecar, overwrite: true)
    try? FileManager.default.removeItem(at: NumpyWriter.partialURL(of: sidecar))
  }

  /// What unfinished work says of itself. Shards lie between batches, so theirs must be of one size.
  private func record(rowsFinished: Int) -> JSON {
    var members = identity.json(rowsFinished: rowsFinished).object ?? [:]
    if shard != nil { members["batch_size"] = .integer(batchSize) }
    return .object(members)
  }

  /// Refuses unfinished work, or a shard, of another precomputation.
  func requireSame(_ record: URL) throws {
    var difference = try LatentCacheManifest.read(record).identity.difference(from: identity)
    if let size = try JSON(contentsOf: record)["batch_size"]?.integer, size != batchSize {
      difference = difference ?? "batch size \(size), not \(batchSize)"
    }
    if let difference {
      throw Failure(
        "\(record.path) is of another precomputation (\(difference)); finish that one first, or delete it and the "
          + "file beside it")
    }
  }

  private func encode(
    _ writer: NumpyWriter, _ record: URL, _ workers: Int, _ image: @escaping @Sendable (Int) throws -> RGBImage,
    _ progress: (Int, Int) throws -> Void
  ) throws {
    let batches = batches(of: shard)
    let first = batches.lowerBound + writer.rowsWritten / batchSize
    let schedule = schedule
    let loader = OrderedPrefetcher(steps: first..<batches.upperBound, workers: workers, ahead: workers + 1) { batch in
      try schedule.newFrames(of: batch, first: first).map(image)
    }
    var prepared = PreparedFrames()
    var recorded = writer.rowsWritten
    try progress(writer.rowsWritten, rows.count)
    while let images = try loader.next() {
      let start = writer.rowsWritten / batchSize * batchSize
      let (clips, frames) = schedule.clips(of: batches.lowerBound + start / batchSize)
      try prepared.advance(to: frames) {
        let pixels = try Tensor.pixels(of: images, camera: identity.camera)
        return try identity.preprocessing.frames(traced(.copy) { try pixels.to(encoder.device) })
      }
      try append(prepared.latents(encoder, clips), from: start, to: writer)
      if writer.rowsWritten - recorded >= Self.rowsPerRecord {
        try writer.synchronize()
        try self.record(rowsFinished: writer.rowsWritten).write(to: record, overwrite: true)
        recorded = writer.rowsWritten
      }
      try progress(writer.rowsWritten, rows.count)
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
