import Configuration
import Foundation
import HuggingFaceHub
import LeRobotDatasets
import Policies
import Terminal
import Torch
import WorldModality

/// `lerobot-wm precompute`: the latent of every frame of a dataset, under the runbook's flags.
enum PrecomputeCommand: Command {
  struct Settings: ConfigurationSection {
    var datasetName = ""
    var datasetRoot: String?
    var imageKey = "observation.images.image"
    var cacheDirectory = "cache"
    var source = "vjepa"
    var encoderName = "facebook/vjepa2-vitl-fpc64-256"
    var temporalWindow = 4
    var device: String?
    var precision = "float32"
    var batchSize = 16
    var computeThreads = 0
    var overwrites = false

    static var fields: [Field<Self>] {
      [
        .init("dataset_name", \.datasetName, help: "the dataset's name, such as HuggingFaceVLA/libero"),
        .init("dataset_root", \.datasetRoot, help: "its folder; else HF_LEROBOT_HOME/NAME"),
        .init("image_key", \.imageKey, help: "the camera"),
        .init("cache_dir", \.cacheDirectory, help: "where the latents go: CACHE/NAME/train_world_latents_….fp16.npy"),
        .init("world_latents_source", \.source, help: "kind of encoder: vjepa"),
        .init("world_vision_model_name", \.encoderName, help: "the encoder's folder or repository"),
        .init("temporal_window", \.temporalWindow, help: "frames of a clip, the last being the frame itself"),
        .init("device", \.device, help: "cpu, cuda or cuda:N; null takes a GPU if there is one"),
        .init("dtype", \.precision, help: "float32 or bfloat16"),
        .init("batch_size", \.batchSize, help: "clips encoded at once"),
        .init("num_compute_threads", \.computeThreads, help: "threads of one CPU operation; 0 takes all cores"),
        .init("overwrite", \.overwrites, help: "replace a finished cache"),
      ]
    }

    func validate() throws(ConfigurationError) {
      guard !datasetName.isEmpty else { throw ConfigurationError("dataset_name", "is needed") }
      guard source == "vjepa" else {
        throw ConfigurationError("world_latents_source", "expected vjepa, found \(source)")
      }
      guard ["float32", "bfloat16"].contains(precision) else {
        throw ConfigurationError("dtype", "expected float32 or bfloat16, found \(precision)")
      }
      guard temporalWindow > 0, batchSize > 0 else {
        throw ConfigurationError("temporal_window", "and --batch_size must be 1 or more")
      }
    }
  }

  static let name = "precompute"
  static let summary = "encode every frame of a dataset into its world latent"
  static let examples = [
    "lerobot-wm-precompute --dataset_name HuggingFaceVLA/libero --image_key observation.images.image --cache_dir cache "
      + "--world_latents_source vjepa --temporal_window 4 --device cuda"
  ]

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    try useComputeThreads(settings.computeThreads)
    let root = try DatasetLocation.root(
      repositoryID: settings.datasetName, root: settings.datasetRoot.map { URL(fileURLWithPath: $0) })
    let dataset = try LeRobotDataset(root: root)
    guard dataset.information.cameras.contains(settings.imageKey) else {
      throw PolicyError(
        "\(root.path) has no camera \(settings.imageKey); --image_key is one of "
          + dataset.information.cameras.joined(separator: ", "))
    }
    let url = try LatentCache.url(
      cacheDirectory: URL(fileURLWithPath: settings.cacheDirectory), datasetRepoID: settings.datasetName,
      source: settings.source, suffix: "m\(settings.temporalWindow)")
    let folder = try ModelLocation.directory(of: settings.encoderName, holding: VJEPA2Encoder.files)
    let encoder = try VJEPA2Encoder(
      directory: folder, dtype: settings.precision == "bfloat16" ? .bfloat16 : .float32,
      device: Device.chosen(settings.device))
    let identity = LatentCacheIdentity(
      datasetRepoID: settings.datasetName,
      dataset: try DatasetFingerprint(
        root: root, episodes: dataset.information.episodeCount, frames: dataset.information.frameCount),
      camera: settings.imageKey, encoderName: settings.encoderName,
      encoderSHA256: try VJEPA2Encoder.fingerprint(of: folder), latentDimension: encoder.latentDimension,
      temporalWindow: settings.temporalWindow,
      preprocessing: FramePreprocessing(size: encoder.configuration.cropSize), precision: settings.precision)
    let work = try WorldLatentPrecomputation(
      encoder, identity: identity, episodes: dataset.episodes.map(\.frames), batchSize: settings.batchSize)
    let progress = Progress("encoding", total: dataset.count)
    let interruption = Interruption()
    struct Stopped: Error {}
    do {
      try work.run(
        to: url, overwrite: settings.overwrites,
        frame: { index in
          let image = try dataset.image(settings.imageKey, at: index)
          return try Tensor(image.pixels, shape: [image.height, image.width, 3])
        },
        progress: { done, _ in
          progress.update(done)
          if interruption.signalNumber != nil { throw Stopped() }
        })
    } catch is Stopped {
      progress.finish()
      say("stopped; the same command goes on where it was")
      return 128 + (interruption.signalNumber ?? 2)
    }
    progress.finish()
    print(url.path)
    return 0
  }
}
