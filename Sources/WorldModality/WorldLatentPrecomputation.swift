import Foundation
import ModelFiles
import Torch

/// Encodes every frame of a dataset into its latent, and can go on where a killed process stopped.
///
/// Frame t's latent is that of the clip t−m+1 … t, clamped to the episode's start. Batches are laid from row 0 on and
/// encoded whole even where a part of one is on disk already, so that an interruption changes no bit of the file.
public struct WorldLatentPrecomputation {
  /// The encoder.
  public let encoder: VJEPA2Encoder
  /// What the cache will say of itself.
  public let identity: LatentCacheIdentity
  /// Clips encoded at once.
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
    _ encoder: VJEPA2Encoder, identity: LatentCacheIdentity, episodes: [Range<Int>], batchSize: Int
  ) throws(WorldModalityError) {
    guard identity.latentDimension == encoder.latentDimension,
      identity.preprocessing.size == encoder.configuration.cropSize, identity.temporalWindow > 0, batchSize > 0
    else {
      throw WorldModalityError(
        "the encoder gives latents of \(encoder.latentDimension) numbers from frames of "
          + "\(encoder.configuration.cropSize) pixels; --temporal_window and --batch_size must be 1 or more")
    }
    var next = 0
    for (number, episode) in episodes.enumerated() {
      guard episode.lowerBound == next, !episode.isEmpty else {
        throw WorldModalityError("episode \(number) covers frames \(episode), expected it to start at frame \(next)")
      }
      next = episode.upperBound
    }
    guard next == identity.dataset.frames else {
      throw WorldModalityError("the episodes hold \(next) frames, the dataset says \(identity.dataset.frames)")
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
  ///   - frame: gives the camera's picture at a global index, [H, W, 3] uint8; asked once for each frame, in order
  ///     (and once more for those of a clip that an interruption cut).
  ///   - progress: told the rows finished and the rows in all; may throw to interrupt.
  /// - Throws: a finished cache at `url` without `overwrite`, unfinished work of another kind, what the closures and
  ///   the disk throw.
  public func run(
    to url: URL, overwrite: Bool = false, frame: (Int) throws -> Tensor, progress: (Int, Int) throws -> Void
  ) throws {
    try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
    let rows = identity.dataset.frames
    let record = NumpyWriter.partialURL(of: LatentCache.sidecarURL(of: url))
    let resumes = try continues(record)
    let writer = try NumpyWriter(
      url, .float16, rowShape: [identity.latentDimension], resume: resumes, overwrite: overwrite)
    guard writer.rowsWritten <= rows else {
      throw WorldModalityError("\(url.path).partial holds \(writer.rowsWritten) rows of \(rows); delete it")
    }
    try identity.json(rowsFinished: writer.rowsWritten).write(to: record, overwrite: true)
    try encode(writer, record, frame, progress)
    // The old cache goes first: at no moment does a sidecar speak of latents that are not its own.
    if overwrite { try? FileManager.default.removeItem(at: url) }
    try identity.json(rowsFinished: rows).write(to: LatentCache.sidecarURL(of: url), overwrite: true)
    try writer.finish(rows: rows)
    try? FileManager.default.removeItem(at: record)
  }

  /// Whether unfinished work lies there, which must be of the same kind.
  private func continues(_ record: URL) throws -> Bool {
    guard FileManager.default.fileExists(atPath: record.path) else { return false }
    guard try LatentCacheIdentity.read(record).identity == identity else {
      throw WorldModalityError(
        "\(record.path) is of another dataset, camera, encoder, precision or temporal window; finish that precomputation "
          + "first, or delete it and the .partial file beside it")
    }
    return true
  }

  private func encode(
    _ writer: NumpyWriter, _ record: URL, _ frame: (Int) throws -> Tensor, _ progress: (Int, Int) throws -> Void
  ) throws {
    let rows = identity.dataset.frames
    var ring = FrameRing()
    var recorded = writer.rowsWritten
    var episode = 0
    try progress(writer.rowsWritten, rows)
    for start in stride(from: writer.rowsWritten / batchSize * batchSize, to: rows, by: batchSize) {
      let end = min(start + batchSize, rows)
      guard end > writer.rowsWritten else { continue }
      var clips: [Tensor] = []
      for row in start..<end {
        while !episodes[episode].contains(row) { episode += 1 }
        let indices = try WorldWindow(frame: row, episode: episodes[episode]).clip(frames: identity.temporalWindow)
        clips.append(
          try ring.clip(indices) { try identity.preprocessing.frames(fromBytes: frame($0).to(encoder.device)) })
      }
      try append(encoder.latents(of: Tensor.stack(clips)), from: start, to: writer)
      if writer.rowsWritten - recorded >= Self.rowsPerRecord {
        try writer.synchronize()
        try identity.json(rowsFinished: writer.rowsWritten).write(to: record, overwrite: true)
        recorded = writer.rowsWritten
      }
      try progress(writer.rowsWritten, rows)
    }
  }

  /// Appends a batch's latents, without the rows that are on disk already.
  private func append(_ latents: Tensor, from start: Int, to writer: NumpyWriter) throws {
    let halves = try latents.to(.cpu).to(.float16).slice(0, writer.rowsWritten - start..<latents.size(0)).contiguous()
    guard try halves.isFinite().allTrue() else {
      throw WorldModalityError(
        "the encoder's latents of frames \(start) to \(start + latents.size(0) - 1) do not fit into float16; "
          + "check the encoder's weights, or compute in float32")
    }
    try halves.withBytes { bytes in Result { () throws(FileError) in try writer.append(bytes) } }.get()
  }
}

/// The preprocessed frames that the next clips still need.
private struct FrameRing {
  private var frames: [Int: Tensor] = [:]

  /// [m, 3, size, size]
  mutating func clip(_ indices: [Int], _ load: (Int) throws -> Tensor) throws -> Tensor {
    let first = indices.first ?? 0
    frames = frames.filter { $0.key >= first }
    let clip = try indices.map { index in
      if let known = frames[index] { return known }
      let loaded = try load(index)
      frames[index] = loaded
      return loaded
    }
    return try Tensor.stack(clip)
  }
}
