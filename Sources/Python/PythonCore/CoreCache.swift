import Failures
import Foundation
import LibTorch
import ModelFiles
import PretrainedPolicies
import RobotPolicies
import TrainingBatches
import WorldLatents

/// The latents that `precompute` has left for a dataset.
final class CoreCache: CoreObject {
  private let latents: TrainingLatents

  private init(_ latents: TrainingLatents) { self.latents = latents }

  static func make(_ request: CoreRequest) throws -> CoreAnswer {
    let settings = try PolicySettings(
      checkpoint: request.json["settings"]?.object ?? [:], from: "the policy's configuration")
    guard let world = settings.world else { throw Failure("the policy \(settings.type) reads no latents") }
    let episodes = try (request.json["episodes"]?.array ?? []).map { episode in
      guard let first = episode.array?.first?.integer, let end = episode.array?.last?.integer, first < end else {
        throw Failure("\(episode.text(.compact)) is no episode's first frame and end")
      }
      return first..<end
    }
    let root = URL(fileURLWithPath: try request.text("root"), isDirectory: true)
    let recipe = world.recipe(
      datasetName: world.datasetRepoID.isEmpty ? try request.text("dataset") : world.datasetRepoID, root: root.path,
      camera: try world.camera.name(among: Array(settings.smolvla.inputFeatures.of(.visual).keys)))
    let latents = try TrainingLatents(
      world, recipe, episodes: episodes,
      fingerprint: DatasetFingerprint(
        root: root, episodes: episodes.count, frames: episodes.map(\.count).reduce(0, +)),
      isOfVideo: request.json["is_of_video"]?.bool ?? false)
    return CoreAnswer(json: [
      "object": .integer(CoreCache(latents).retained()), "warning": latents.warning.map(JSON.string) ?? .null,
      "identity": latents.identityJSON ?? .null,
    ])
  }

  func latents(_ request: CoreRequest) throws -> CoreAnswer {
    var batch = Batch()
    try latents.add(to: &batch, frames: request.tensor("index").scalars(Int.self))
    return CoreAnswer(tensors: batch.tensors)
  }
}
