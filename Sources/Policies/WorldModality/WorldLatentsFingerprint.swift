import Failures
import Foundation
import ModelFiles
import OrderedCollections
import RobotPolicies
import WorldEncoders
import WorldLatents

/// What the latents of a `smolvla_world` run were made of: its checkpoints carry the cache's sidecar, so that no other
/// encoder feeds the Prophet later.
public struct WorldLatentsFingerprint: Sendable, Equatable {
  /// The file in a checkpoint's `pretrained_model` folder.
  public static let fileName = "world_latents.json"
  /// The identity of the cache that the run read.
  public let identity: LatentCacheIdentity

  /// Reads it from a checkpoint; nil if there is none, as in one of a run whose cache had no sidecar.
  public init?(in folder: URL) throws {
    let file = folder.appendingPathComponent(Self.fileName)
    guard FileManager.default.fileExists(atPath: file.path) else { return nil }
    identity = try LatentCacheIdentity.read(file).identity
  }

  /// The file of a checkpoint, for those that are made of it; none if it has none.
  package static func documents(in folder: URL) throws -> OrderedDictionary<String, JSON> {
    let file = folder.appendingPathComponent(fileName)
    return FileManager.default.fileExists(atPath: file.path) ? [fileName: try JSON(contentsOf: file)] : [:]
  }

  /// Refuses clips, sources and cameras other than those that the policy was trained with.
  ///
  /// - Parameter folder: the checkpoint, whose `config.json` names the camera.
  package func check(_ world: WorldModalityConfiguration, of folder: URL) throws {
    let file = folder.appendingPathComponent("config.json")
    let camera = try JSON(contentsOf: file)["world_camera"]?.string ?? WorldCamera.front.rawValue
    let members = [
      ("clips of", "\(identity.temporalWindow) frames", "\(world.temporalWindow) frames", "latent_suffix"),
      ("source", identity.encoder.source.rawValue, world.latentsSource.rawValue, "world_latents_source"),
      ("camera", camera, world.camera.rawValue, "world_camera"),
    ]
    for (what, trained, asked, setting) in members where trained != asked {
      throw Failure(
        "the checkpoint was trained with latents of \(what) \(trained), and rollouts are to have \(asked); fix "
          + "`\(setting)`")
    }
  }

  /// Refuses another encoder than the one that the policy was trained with.
  package func check(_ encoder: EncoderFolder, named name: String) throws {
    let expected = identity.encoder
    guard try encoder.sha256() != expected.sha256 else { return }
    throw Failure(
      "the checkpoint was trained with latents of the encoder \(expected.name) (SHA-256 "
        + "\(expected.sha256.prefix(12))…), and \(encoder.url.path) holds other weights; give that encoder with "
        + "`world_vision_model_name` instead of \(name)")
  }
}
