import Foundation
import ModelFiles
import OrderedCollections

/// What tells a dataset from all others, its own revisions included.
public struct DatasetFingerprint: Sendable, Equatable {
  /// Number of episodes.
  public var episodes: Int
  /// Number of frames.
  public var frames: Int
  /// SHA-256 of `meta/info.json` and of the files that list the episodes, by their path in the dataset.
  public var files: OrderedDictionary<String, String>

  /// A fingerprint made elsewhere.
  public init(episodes: Int, frames: Int, files: OrderedDictionary<String, String> = [:]) {
    self.episodes = episodes
    self.frames = frames
    self.files = files
  }

  /// Takes a dataset's fingerprint from the files below its root.
  public init(root: URL, episodes: Int, frames: Int) throws(FileError) {
    self.init(episodes: episodes, frames: frames)
    let meta = root.appendingPathComponent("meta")
    let found = FileManager.default.enumerator(atPath: meta.path)?.compactMap { $0 as? String } ?? []
    let listings = found.filter { name in
      name == "episodes.jsonl" || (name.hasPrefix("episodes/") && name.hasSuffix(".parquet"))
    }
    for name in ["info.json"] + listings.sorted() {
      files["meta/\(name)"] = try MappedFile(meta.appendingPathComponent(name)).sha256
    }
  }
}

/// Everything that the numbers of a latent cache depend on; its sidecar file says it.
public struct LatentCacheIdentity: Sendable, Equatable {
  /// The dataset's repository or name.
  public var datasetRepoID: String
  /// The dataset itself.
  public var dataset: DatasetFingerprint
  /// The camera's feature name, such as `observation.images.image`.
  public var camera: String
  /// The encoder's repository or folder, as it was given.
  public var encoderName: String
  /// SHA-256 of the encoder's weights.
  public var encoderSHA256: String
  /// D, a latent's dimension.
  public var latentDimension: Int
  /// m, frames of a clip.
  public var temporalWindow: Int
  /// The side of a preprocessed frame.
  public var preprocessing: FramePreprocessing
  /// The type that the encoder computed in, `float32` or `bfloat16`.
  public var precision: String

  /// An identity.
  public init(
    datasetRepoID: String, dataset: DatasetFingerprint, camera: String, encoderName: String, encoderSHA256: String,
    latentDimension: Int, temporalWindow: Int, preprocessing: FramePreprocessing, precision: String
  ) {
    self.datasetRepoID = datasetRepoID
    self.dataset = dataset
    self.camera = camera
    self.encoderName = encoderName
    self.encoderSHA256 = encoderSHA256
    self.latentDimension = latentDimension
    self.temporalWindow = temporalWindow
    self.preprocessing = preprocessing
    self.precision = precision
  }

  /// Raised whenever this program's latents change for the same inputs.
  public static let codeVersion = 1
}

extension LatentCacheIdentity {
  /// The sidecar's text.
  ///
  /// - Parameter rowsFinished: rows that hold latents.
  public func json(rowsFinished: Int) -> JSON {
    [
      "code_version": .integer(Self.codeVersion), "dataset_repo_id": .string(datasetRepoID),
      "dataset": [
        "episodes": .integer(dataset.episodes), "frames": .integer(dataset.frames),
        "sha256": .object(dataset.files.mapValues { .string($0) }),
      ],
      "camera": .string(camera),
      "encoder": [
        "name": .string(encoderName), "sha256": .string(encoderSHA256), "precision": .string(precision),
      ],
      "world_latent_dim": .integer(latentDimension), "temporal_window": .integer(temporalWindow),
      "preprocessing": preprocessing.json, "rows_finished": .integer(rowsFinished),
    ]
  }

  /// Reads a sidecar.
  ///
  /// - Throws: a missing or damaged file, and one written by another version of the latents' code.
  static func read(_ url: URL) throws -> (identity: LatentCacheIdentity, rowsFinished: Int) {
    let json = try JSON(contentsOf: url)
    let version = json["code_version"]?.integer
    guard version == codeVersion else {
      throw WorldModalityError(
        "\(url.path) was written by version \(version.map(String.init) ?? "?") of the latents' code, this is version "
          + "\(codeVersion); precompute the latents again (lerobot-wm-precompute --overwrite)")
    }
    guard let repoID = json["dataset_repo_id"]?.string, let episodes = json["dataset"]?["episodes"]?.integer,
      let frames = json["dataset"]?["frames"]?.integer, let files = json["dataset"]?["sha256"]?.object,
      let camera = json["camera"]?.string, let name = json["encoder"]?["name"]?.string,
      let sha256 = json["encoder"]?["sha256"]?.string, let precision = json["encoder"]?["precision"]?.string,
      let dimension = json["world_latent_dim"]?.integer, let window = json["temporal_window"]?.integer,
      let size = json["preprocessing"]?["size"]?.integer, let rows = json["rows_finished"]?.integer
    else {
      throw WorldModalityError(
        "\(url.path) does not say what its latents are of; precompute them again (lerobot-wm-precompute --overwrite)")
    }
    let dataset = DatasetFingerprint(
      episodes: episodes, frames: frames, files: files.mapValues { $0.string ?? "" })
    let identity = LatentCacheIdentity(
      datasetRepoID: repoID, dataset: dataset, camera: camera, encoderName: name, encoderSHA256: sha256,
      latentDimension: dimension, temporalWindow: window, preprocessing: FramePreprocessing(size: size),
      precision: precision)
    return (identity, rows)
  }
}
