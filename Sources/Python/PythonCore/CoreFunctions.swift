import Failures
import LeRobotDatasets
import LibTorch
import ModelFiles
import NeuralNetworks

/// What a function of the core is asked: settings, and tensors by name.
struct CoreRequest {
  let json: JSON
  var tensors: StateDictionary = [:]

  func text(_ name: String) throws -> String {
    guard let text = json[name]?.string else { throw Failure("the request has no text `\(name)`") }
    return text
  }

  func integer(_ name: String) throws -> Int {
    guard let integer = json[name]?.integer else { throw Failure("the request has no integer `\(name)`") }
    return integer
  }

  func tensor(_ name: String) throws -> Tensor {
    guard let tensor = tensors[name] else { throw Failure("the request has no tensor `\(name)`") }
    return tensor
  }
}

/// What a function of the core gives. The caller sees the tensors' names under `names` of the JSON object.
struct CoreAnswer {
  var json: JSON = [:]
  var tensors: StateDictionary = [:]

  /// The JSON object as text, with the tensors' names.
  var text: String {
    var members = json.object ?? [:]
    if !tensors.isEmpty { members["names"] = .array(tensors.keys.map(JSON.string)) }
    return JSON.object(members).text(.compact)
  }
}

/// The functions that a process calls the core by.
enum CoreFunction: String, CaseIterable {
  /// `{"settings": config.json, "folder", "device", "seed", "reference_order"}` and parameters, which the policy shares;
  /// where there are none it makes them. Gives `{"object", "notices", "lerobot_version"}` and all parameters.
  case policy
  /// `{"object", "seed", "step"}` and a preprocessed batch, which draws what the program's training draws at that step, 0 if
  /// none is given. Gives `total`, which gradients are computed of, and what is logged.
  case loss
  /// `{"count", "batch_size", "seed", "step"}`. Gives `{"positions"}`, the samples that the program trains on at that step.
  case samples
  /// `{"object", "seed"}` and a preprocessed batch. Gives `action` [B, chunk, action], normalized.
  case actions
  /// `{"object"}`. Gives `{"history": {"camera", "frames"}}`, the past that the policy must be shown, or null.
  case history
  /// `{"path", "device"}`. Gives `{"object", "cameras", …}`, a policy with its processors.
  case load
  /// `{"object", "instruction", "seed"}`, `images.NAME` [H, W, 3], `state` [N] and perhaps `history` [F, H, W, 3].
  /// Gives `action` [steps, action] in the environment's units.
  case plan
  /// `{"path", "source", "device", "dtype"}`. Gives `{"object", "latent_dimension"}`.
  case encoder
  /// `{"object", "clips": [[frame]]}` and `frames` [F, H, W, 3] uint8. Gives `latents` [clips, D] float32.
  case encode
  /// `{"settings": config.json, "dataset", "root", "episodes": [[first, end]]}`. Gives `{"object", "warning"}`,
  /// the latents that `precompute` has left.
  case cache
  /// `{"object"}` and `index` [B], frames. Gives what a loss reads of a world modality.
  case latents
  /// `{"suite", "task", "count", …}`. Gives `{"objects", "instruction", "state", …}`, environments of one task.
  case environments
  /// `{"object", "seed", "episode"}`.
  case reset
  /// `{"object", "action"}`. Gives `{"reward", "terminated", "success"}`.
  case step

  func callAsFunction(_ request: CoreRequest) throws -> CoreAnswer {
    switch self {
    case .policy: try CorePolicy.make(request)
    case .loss: try CorePolicy.of(request).loss(request)
    case .samples: try samples(request)
    case .actions: try CorePolicy.of(request).actions(request)
    case .history: try CorePolicy.of(request).history()
    case .load: try CorePlanner.make(request)
    case .plan: try CorePlanner.of(request).plan(request)
    case .encoder: try CoreEncoder.make(request)
    case .encode: try CoreEncoder.of(request).encode(request)
    case .cache: try CoreCache.make(request)
    case .latents: try CoreCache.of(request).latents(request)
    case .environments: try CoreEnvironment.make(request)
    case .reset: try CoreEnvironment.of(request).reset(request)
    case .step: try CoreEnvironment.of(request).step(request)
    }
  }

  private func samples(_ request: CoreRequest) throws -> CoreAnswer {
    let sampler = try BatchSampler(
      count: request.integer("count"), batchSize: request.integer("batch_size"), seed: request.integer("seed"))
    return CoreAnswer(json: ["positions": .array(try sampler.samples(step: request.integer("step")).map(JSON.integer))])
  }
}
