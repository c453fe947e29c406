import Failures
import Foundation
import ModelFiles
import OrderedCollections
import WorldEncoders

/// Everything that the numbers of a latent cache depend on; its sidecar file says it.
public struct LatentCacheManifest: Sendable, Equatable {
  public var datasetRepoID: String
  public var dataset: DatasetFingerprint
  /// The camera's feature name, such as `observation.images.image`.
  public var camera: String
  public var encoder: EncoderFingerprint
  public var latentDimension: Int
  public var temporalWindow: Int
  /// What images went through first.
  public var preprocessing: FramePreprocessing
  /// The version of the code that made the latents.
  public var codeVersion: Int

  public init(
    datasetRepoID: String, dataset: DatasetFingerprint, camera: String, encoder: EncoderFingerprint,
    latentDimension: Int, temporalWindow: Int, preprocessing: FramePreprocessing, codeVersion: Int = currentCodeVersion
  ) {
    self.codeVersion = codeVersion
    self.datasetRepoID = datasetRepoID
    self.dataset = dataset
    self.camera = camera
    self.encoder = encoder
    self.latentDimension = latentDimension
    self.temporalWindow = temporalWindow
    self.preprocessing = preprocessing
  }

  /// Raised whenever this program's latents change for the same inputs.
  ///
  /// Version 1 did not see the newest frame of V-JEPA 2's clips of an odd number of frames, and took any frame of a
  /// video within the tolerance, not the nearest.
  public static let currentCodeVersion = 2
  static let firstCodeVersion = 1

  /// What a user should know of latents of a video that an earlier version made; its sidecars do not say the tolerance.
  package func warningOfVideo(_ url: URL) -> String? {
    guard codeVersion == Self.firstCodeVersion else { return nil }
    return "\(url.path) was made by an earlier version of this program, which took wrong frames of videos where "
      + "`tolerance_s` was above half a frame's period; if it was, precompute the latents again (`precompute overwrite`)"
  }

  /// Whether the latents are known to be of other frames than they should be.
  private var isOfWrongFrames: Bool {
    codeVersion == Self.firstCodeVersion && encoder.source == .vjepa && temporalWindow > 1
      && !temporalWindow.isMultiple(of: 2)
  }
}

extension LatentCacheManifest {
  /// The identity in the form in which sidecars and checkpoints hold it.
  public var json: JSON {
    [
      "code_version": .integer(codeVersion), "dataset_repo_id": .string(datasetRepoID), "dataset": dataset.json,
      "camera": .string(camera), "encoder": encoder.json, "world_latent_dim": .integer(latentDimension),
      "temporal_window": .integer(temporalWindow), "preprocessing": preprocessing.json,
    ]
  }

  /// SHA-256 of the identity, to name it in few characters.
  public var fingerprint: String { sha256(of: json.text(.compact)) }

  /// The sidecar's text: the identity, how far the cache is, and who wrote it.
  ///
  /// - Parameters:
  ///   - rowsFinished: rows that hold latents.
  ///   - sha256: of the finished cache's file.
  public func json(rowsFinished: Int, sha256: String? = nil) -> JSON {
    var members = json.object ?? [:]
    members["rows_finished"] = .integer(rowsFinished)
    members["latents_sha256"] = sha256.map(JSON.string)
    members["written_by"] = .string(ProgramVersion.text)
    return .object(members)
  }

  /// Reads the form of `json`.
  ///
  /// - Parameter place: the file, for errors.
  /// - Throws: what is no identity, one written by an unknown version of the latents' code, and one of latents that an
  ///   earlier version made of the wrong frames.
  public init(_ json: JSON, in place: String) throws {
    let again = "precompute the latents again with `overwrite`"
    let version = json["code_version"]?.integer
    guard let version, (Self.firstCodeVersion...Self.currentCodeVersion).contains(version) else {
      throw Failure(
        "\(place) was written by version \(version.map(String.init) ?? "?") of the latents' code, this is version "
          + "\(Self.currentCodeVersion); \(again)")
    }
    guard let repoID = json["dataset_repo_id"]?.string, let dataset = DatasetFingerprint(json["dataset"]),
      let camera = json["camera"]?.string, let encoder = EncoderFingerprint(json["encoder"]),
      let dimension = json["world_latent_dim"]?.integer, let window = json["temporal_window"]?.integer,
      let preprocessing = FramePreprocessing(json["preprocessing"])
    else { throw Failure("\(place) does not say what its latents are of; \(again)") }
    self.init(
      datasetRepoID: repoID, dataset: dataset, camera: camera, encoder: encoder, latentDimension: dimension,
      temporalWindow: window, preprocessing: preprocessing, codeVersion: version)
    guard !isOfWrongFrames else {
      throw Failure(
        "\(place) is of latents that an earlier version of this program made without the newest frame of each clip, as "
          + "it did for an odd window (\(window)) of V-JEPA 2; \(again), and train on them again")
    }
  }

  package static func read(
    _ url: URL
  ) throws -> (identity: LatentCacheManifest, rowsFinished: Int, sha256: String?) {
    let json = try JSON(contentsOf: url)
    let identity = try LatentCacheManifest(json, in: url.path)
    guard let rows = json["rows_finished"]?.integer else {
      throw Failure(
        "\(url.path) does not say how far its latents go; precompute them again with `overwrite`")
    }
    return (identity, rows, json["latents_sha256"]?.string)
  }

  /// The first thing that tells these latents from `other`'s, in words; nil where they are the same numbers. The
  /// encoder's name says nothing.
  func difference(from other: LatentCacheManifest) -> String? {
    if let difference = other.dataset.difference(from: dataset) { return "a dataset of \(difference)" }
    let members: [(String, (LatentCacheManifest) -> String)] = [
      ("dataset", { $0.datasetRepoID }), ("camera", { $0.camera }), ("source", { $0.encoder.source.rawValue }),
      ("encoder weights", { $0.encoder.sha256 }), ("dtype", { $0.encoder.precision }),
      ("dimension", { "\($0.latentDimension)" }), ("temporal window", { "\($0.temporalWindow)" }),
      ("preprocessing", { $0.preprocessing.json.text(.compact) }),
      ("code version", { "\($0.codeVersion)" }),
    ]
    for (what, text) in members where text(self) != text(other) { return "\(what) \(text(self)), not \(text(other))" }
    return nil
  }
}
