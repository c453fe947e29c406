import Failures
import Foundation
import HuggingFaceHub
import LeRobotDatasets
import RobotPolicies

/// What `--policy.push_to_hub=true` asks for: the trained model in a repository of its own, with a card.
struct ModelUpload {
  private let hub = Hub()
  private let repository: HubRepository
  private let card: ModelCard
  private let isPrivate: Bool?

  /// Checks, before anything is trained, that the upload is possible; nil if none is asked for.
  init?(_ settings: TrainSettings) throws {
    let compatibility = settings.policy.smolvla.compatibility
    guard compatibility.pushToHub, let name = compatibility.repoID else { return nil }
    guard settings.savesCheckpoint else {
      throw Failure("--policy.push_to_hub=true uploads the last checkpoint; remove --save_checkpoint=false")
    }
    repository = try HubRepository(.model, name)
    guard name.contains("/") else { throw Failure("expected OWNER/NAME in --policy.repo_id, found \(name)") }
    isPrivate = compatibility.isPrivate
    let start = [compatibility.pretrainedPath, settings.policy.world?.initialPolicyPath].compactMap { $0 }.first {
      !$0.isEmpty
    }
    let dataset = settings.dataset.repoID
    let type = settings.policy.type
    var card = ModelCard(
      modelName: type, repository: name,
      summary: type == "smolvla_world"
        ? "SmolVLA with a world modality: a memory of predicted visual latents, which the action expert reads through a "
          + "gate. LeRobot itself does not know this policy's type; lerobot-wm does."
        : "A SmolVLA policy: camera images, a robot's state and an instruction in, a chunk of actions out.")
    card.summary += " It was trained for \(settings.steps) steps with batches of \(settings.batchSize)."
    card.license = compatibility.license ?? card.license
    card.tags = compatibility.tags ?? []
    card.dataset = settings.dataset.root == nil && HubRepository.isName(dataset) ? dataset : nil
    // A checkpoint's folder on this machine means nothing to others.
    card.baseModel = start.flatMap { HubRepository.isName($0) && !isFolder($0) ? $0 : nil }
    card.usage = Self.usage(of: name, dataset: card.dataset)
    self.card = card
    try hub.checkUpload(to: repository)
  }

  private static func usage(of repository: String, dataset: String?) -> String {
    """
    ## Evaluate it

    ```
    lerobot-wm-eval --policy.path=\(repository) --env.type=libero --env.task=libero_spatial --eval.n_episodes=50
    ```

    ## Train it further

    ```
    lerobot-wm-train --policy.path=\(repository) --dataset.repo_id=\(dataset ?? "USER/DATASET") --steps=20000
    ```

    """
  }

  /// Uploads a `pretrained_model` folder; returns its new address.
  func send(_ folder: URL) throws -> String {
    let readme = HubUpload("README.md", .bytes(Array(card.text.utf8)))
    let files = HubUpload.files(in: folder).filter { $0.path != "README.md" } + [readme]
    do {
      return try hub.upload(
        files, to: repository, isPrivate: isPrivate, summary: "Upload the policy, its training settings and a card")
    } catch {
      throw Failure(
        "\(error); the model is in \(folder.path), and the same command with --resume uploads it again")
    }
  }
}

private func isFolder(_ path: String) -> Bool {
  var isFolder: ObjCBool = false
  return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
}
