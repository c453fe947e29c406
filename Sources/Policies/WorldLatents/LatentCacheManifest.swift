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

  public init(
    datasetRepoID: String, dataset: DatasetFingerprint, camera: String, encoder: EncoderFingerprint,
    latentDimension: Int, temporalWindow: Int, preprocessing: FramePreprocessing
  ) {
    self.datasetRepoID = datasetRepoID
    self.dataset = dataset
    self.camera = camera
    self.encoder = encoder
    self.latentDimension = latentDimension
    self.temporalWindow = temporalWindow
    self.preprocessing = preprocessing
  }

  /// Raised whenever this program's latents change for the same inputs.
  public static let codeVersion = 1
}

extension LatentCacheManifest {
  /// The identity in the form in which sidecars and checkpoints hold it.
  public var json: JSON {
    [
      "code_version": .integer(Self.codeVersion), "dataset_repo_id": .string(datasetRepoID), "dataset": dataset.json,
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
  /// - Throws: what is no identity, and one written by another version of the latents' code.
  public init(_ json: JSON, in place: String) throws {
    let again = "precompute the latents again with `overwrite`"
    let version = json["code_version"]?.integer
    guard version == Self.codeVersion else {
      throw Failure(
        "\(place) was written by version \(version.map(String.init) ?? "?") of the latents' code, this is version "
          + "\(Self.codeVersion); \(again)")
    }
    guard let repoID = json["dataset_repo_id"]?.string, let dataset = DatasetFingerprint(json["dataset"]),
      let camera = json["camera"]?.string, let encoder = EncoderFingerprint(json["encoder"]),
      let dimension = json["world_latent_dim"]?.integer, let window = json["temporal_window"]?.integer,
      let preprocessing = FramePreprocessing(json["preprocessing"])
    else { throw Failure("\(place) does not say what its latents are of; \(again)") }
    self.init(
      datasetRepoID: repoID, dataset: dataset, camera: camera, encoder: encoder, latentDimension: dimension,
      temporalWindow: window, preprocessing: preprocessing)
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
    ]
    for (what, text) in members where text(self) != text(other) { return "\(what) \(text(self)), not \(text(other))" }
    return nil
  }
}
