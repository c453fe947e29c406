import Failures
import Foundation
import LibTorch
import ModelFiles
import WorldEncoders

/// What a run needs a latent cache to be. What is not known is not compared.
public struct LatentCacheRequirements: Sendable, Equatable {
  public var datasetRepoID: String
  /// Its number of frames, which is the cache's number of rows.
  public var frames: Int
  public var source: LatentsSource
  /// D, `world_latent_dim`.
  public var latentDimension: Int
  /// m, from `latent_suffix`.
  public var temporalWindow: Int
  public var dataset: DatasetFingerprint?
  public var camera: String?
  /// `world_vision_model_name`; compared where the weights' SHA-256 is not known.
  public var encoderName: String?
  /// SHA-256 of the weights that rollouts will use.
  public var encoderSHA256: String?
  /// What makes such a cache.
  public var recipe: LatentRecipe?

  public init(
    datasetRepoID: String, frames: Int, source: LatentsSource = .vjepa, latentDimension: Int, temporalWindow: Int,
    dataset: DatasetFingerprint? = nil, camera: String? = nil, encoderName: String? = nil,
    encoderSHA256: String? = nil, recipe: LatentRecipe? = nil
  ) {
    self.datasetRepoID = datasetRepoID
    self.frames = frames
    self.source = source
    self.latentDimension = latentDimension
    self.temporalWindow = temporalWindow
    self.dataset = dataset
    self.camera = camera
    self.encoderName = encoderName
    self.encoderSHA256 = encoderSHA256
    self.recipe = recipe
  }

  /// What a cache of this identity is.
  public init(of identity: LatentCacheManifest) {
    self.init(
      datasetRepoID: identity.datasetRepoID, frames: identity.dataset.frames, source: identity.encoder.source,
      latentDimension: identity.latentDimension, temporalWindow: identity.temporalWindow)
  }

  /// What to do where there is no usable cache, as errors say it.
  func precomputation(overwrite: Bool) -> String {
    recipe.map { "run " + $0.command(overwrite: overwrite) } ?? "precompute the latents again with `overwrite`"
  }
}

/// A dataset's latents on disk: float16 [frames, D], memory-mapped, a row for each frame by its global index.
public struct LatentCache: Sendable {
  public let url: URL
  /// What the sidecar says of it; nil if it has none.
  public let identity: LatentCacheManifest?
  /// A sentence that a user should read: the cache has no sidecar, so only its shape was checked.
  public let warning: String?
  public let frames: Int
  public let latentDimension: Int
  /// SHA-256 of the file.
  public let sha256: String
  private let file: NumpyFile
  /// What to do if its numbers are of no use.
  private let remedy: String

  /// Where a cache lies: `CACHE_DIR/REPO_ID/train_world_latents_SOURCE[_SUFFIX].fp16.npy`.
  ///
  /// - Throws: a repository, source or suffix that would lead out of the folder.
  public static func url(
    cacheDirectory: URL, datasetRepoID: String, source: String, suffix: String
  ) throws -> URL {
    let name = "train_world_latents_\(source)\(suffix.isEmpty ? "" : "_\(suffix)").fp16.npy"
    guard !name.contains("/") else {
      throw Failure(
        "`latent_suffix=\(suffix)` and `world_latents_source=\(source)` must not contain a slash")
    }
    return try contained("\(datasetRepoID)/\(name)", in: cacheDirectory)
  }

  /// The sidecar of a cache: the same name and `.json`.
  public static func sidecarURL(of cache: URL) -> URL { cache.appendingPathExtension("json") }

  /// Opens a cache and compares it with what is expected.
  ///
  /// - Throws: a missing or damaged file, and a cache of other frames, dimension, dataset, camera, encoder or window;
  ///   one sentence that names what fixes it.
  public init(_ url: URL, expecting expectation: LatentCacheRequirements) throws {
    guard FileManager.default.fileExists(atPath: url.path) else {
      let started = FileManager.default.fileExists(atPath: NumpyWriter.partialURL(of: url).path)
      throw Failure(
        "the latent cache \(url.path) \(started ? "is not finished" : "does not exist"); "
          + "\(expectation.precomputation(overwrite: false)), or fix `cache_dir`, `world_latents_source` and `latent_suffix`"
      )
    }
    remedy = expectation.precomputation(overwrite: true)
    let file = try NumpyFile(url)
    guard file.element == .float16, file.shape.count == 2, file.shape[1] > 0 else {
      throw Failure(
        "\(url.path): expected float16 latents [frames, dimension], found \(file.element.rawValue) \(file.shape)")
    }
    self.url = url
    self.file = file
    frames = file.shape[0]
    latentDimension = file.shape[1]
    try Self.check(url, frames: file.shape[0], dimension: file.shape[1], expectation)
    sha256 = file.mapping.sha256
    let sidecar = Self.sidecarURL(of: url)
    guard FileManager.default.fileExists(atPath: sidecar.path) else {
      identity = nil
      warning =
        "\(url.path) has no sidecar \(sidecar.lastPathComponent), so only its shape was checked: make sure that it is of "
        + "\(expectation.datasetRepoID), of the right camera and encoder, and of clips of "
        + "\(expectation.temporalWindow) frames"
      return
    }
    let (identity, rows, written) = try LatentCacheManifest.read(sidecar)
    guard rows == file.shape[0], identity.latentDimension == file.shape[1] else {
      throw Failure(
        "\(sidecar.path) speaks of \(rows) latents of \(identity.latentDimension) numbers, but \(url.lastPathComponent) "
          + "holds \(file.shape); \(remedy)")
    }
    if let written, sha256 != written {
      throw Failure(
        "\(url.path) is not the file that its sidecar was written for; restore it, or \(remedy)")
    }
    try identity.check(expectation, url)
    self.identity = identity
    warning = nil
  }

  private static func check(
    _ url: URL, frames: Int, dimension: Int, _ expectation: LatentCacheRequirements
  ) throws {
    guard dimension == expectation.latentDimension else {
      throw Failure(
        "\(url.path) holds latents of \(dimension) numbers, the policy takes \(expectation.latentDimension); set "
          + "`world_latent_dim=\(dimension)`, or precompute with the encoder that the policy names")
    }
    guard frames == expectation.frames else {
      throw Failure(
        "\(url.path) has \(frames) rows, the dataset \(expectation.datasetRepoID) has \(expectation.frames) frames; it "
          + "belongs to another dataset or revision: fix `cache_dir`, or "
          + expectation.precomputation(overwrite: true))
    }
  }
}

extension LatentCacheManifest {
  /// Refuses what is not expected, by the flag that fixes it.
  func check(_ expected: LatentCacheRequirements, _ url: URL) throws {
    func refuse(_ what: String, _ found: String, _ wanted: String, _ fix: String) -> Failure {
      Failure("the latent cache \(url.path) is of \(what) \(found), the run needs \(wanted); \(fix)")
    }
    guard datasetRepoID == expected.datasetRepoID else {
      throw refuse(
        "dataset", datasetRepoID, expected.datasetRepoID,
        "fix `dataset_repo_id` or `cache_dir`, or precompute for this dataset")
    }
    if let difference = expected.dataset.flatMap(dataset.difference) {
      throw refuse(
        "another revision of", datasetRepoID, "the one of \(difference)",
        (dataset.revision.map { "train with `dataset.revision=\($0)`, or " } ?? "")
          + expected.precomputation(overwrite: true))
    }
    if let camera = expected.camera, camera != self.camera {
      throw refuse(
        "camera", self.camera, camera, "give `world_camera=\(self.camera)`, or precompute with `image_key=\(camera)`")
    }
    guard temporalWindow == expected.temporalWindow else {
      throw refuse(
        "clips of", "\(temporalWindow) frames", "\(expected.temporalWindow)",
        "fix `latent_suffix` or precompute with `temporal_window=\(expected.temporalWindow)`")
    }
    guard encoder.source == expected.source else {
      throw refuse(
        "source", encoder.source.rawValue, expected.source.rawValue,
        "fix `world_latents_source` or precompute with `world_latents_source=\(expected.source.rawValue)`")
    }
    if let sha256 = expected.encoderSHA256 {
      guard sha256 == encoder.sha256 else {
        throw refuse(
          "an encoder with weights", "\(encoder.sha256.prefix(12))… (\(encoder.name))",
          "\(sha256.prefix(12))… (\(expected.encoderName ?? "the policy's"))",
          "fix `world_vision_model_name` or precompute with that encoder")
      }
    } else if let name = expected.encoderName, name != encoder.name {
      throw refuse(
        "the encoder", encoder.name, name, "fix `world_vision_model_name` or precompute with that encoder")
    }
  }
}

extension LatentCache {
  /// The latents around frames, as the world modality trains on them.
  ///
  /// - Parameters:
  ///   - windows: one for each sample.
  ///   - history: T
  ///   - future: K
  /// - Throws: a frame that the cache has not, and latents that are not finite.
  public func latents(_ windows: [WorldWindow], history: Int, future: Int) throws -> LatentBatch {
    let ahead = windows.map { $0.future(frames: future) }
    let isValid = ahead.flatMap(\.isValid)
    return LatentBatch(
      history: try rows(windows.flatMap { $0.history(frames: history) }, [windows.count, history]),
      future: try rows(ahead.flatMap(\.indices), [windows.count, future]),
      isValid: try Tensor(isValid, shape: [windows.count, future]))
  }

  /// Rows by global index, as float32 [shape…, D].
  private func rows(_ indices: [Int], _ shape: [Int]) throws -> Tensor {
    if let wrong = indices.first(where: { !(0..<frames).contains($0) }) {
      throw Failure("\(url.path) has no row \(wrong), only \(frames)")
    }
    let stride = latentDimension * 2
    let start = file.range.lowerBound
    let tensor = try Tensor(bytes: .float16, shape: shape + [latentDimension]) { destination in
      for (place, index) in indices.enumerated() {
        let row = UnsafeRawBufferPointer(
          rebasing: file.mapping.unsafeBytes[start + index * stride..<start + (index + 1) * stride])
        UnsafeMutableRawBufferPointer(rebasing: destination[place * stride..<(place + 1) * stride]).copyMemory(
          from: row)
      }
    }
    guard try tensor.isFinite().allTrue() else {
      throw Failure(
        "\(url.path) holds latents that are not finite; \(remedy)")
    }
    return try tensor.to(.float32)
  }
}
