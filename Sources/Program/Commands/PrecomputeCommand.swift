import Failures
import Foundation
import HuggingFaceHub
import LayeredSettings
import LeRobotDatasets
import LibTorch
import OrderedCollections
import RobotPolicies
import WorldEncoders
import WorldLatents
import WorldModality

/// The number format that an encoder computes in.
enum EncoderPrecision: String, CaseIterable, ConfigurationValue { case float32, bfloat16 }

/// `lerobot-wm precompute`: the latent of every frame of a dataset, under the runbook's flags.
enum PrecomputeCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("dataset_name", help: "the dataset's name, such as HuggingFaceVLA/libero") var datasetName = ""
    @Setting("dataset_root", help: "its folder; else HF_LEROBOT_HOME/NAME") var datasetRoot: String?
    @Setting("revision", help: "the dataset's branch, tag or commit; else the tag of the format's version")
    var revision: String?
    @Setting("image_key", help: "the camera") var imageKey = "observation.images.image"
    @Setting("cache_dir", help: "where the latents go: CACHE/NAME/train_world_latents_….fp16.npy") var cacheDirectory =
      "cache"
    @Setting(
      "world_latents_source",
      help: "kind of encoder: vjepa (V-JEPA 2 encodes clips) or dino (DINOv2's CLS tokens, averaged over a clip)")
    var source = LatentsSource.vjepa
    @Setting(
      "world_vision_model_name",
      help: "the encoder's folder or repository; null takes the source's: "
        + LatentsSource.allCases.map(\.defaultEncoderName).joined(separator: ", ")) var encoderName: String?
    @Setting("temporal_window", in: 1...1024, help: "frames of a clip, the last being the frame itself")
    var temporalWindow = 4
    @Setting(
      "latent_suffix",
      help: "end of the cache's name, such as m4_wrist for a second camera; null takes mN, N frames of a clip")
    var latentSuffix: String?
    @Setting("device", help: "cpu, cuda or cuda:N; null takes a GPU if there is one") var device: String?
    @Setting("dtype", help: "number format of the encoder") var precision = EncoderPrecision.float32
    @Setting("batch_size", in: 1...1 << 20, help: "clips encoded at once") var batchSize = 16
    @Setting("num_workers", in: 0...256, help: "threads that decode images") var workers = 2
    @Setting("num_compute_threads", in: 0...4096, help: "threads of one CPU operation; 0 takes all cores")
    var computeThreads = 0
    @Setting("tolerance_s", in: 0...1e9, help: "seconds that a frame may deviate from its timestamp") var tolerance =
      1e-4
    @Setting("rename_map", help: renameMapHelp("the dataset's", more: "; --image_key may be either")) var renameMap:
      OrderedDictionary<String, String> = [:]
    @Setting(
      "shard", owner: .program,
      help:
        "what this process encodes of a cache that several make, such as 0/4, the first of four; the last joins the parts"
    )
    var shard: Shard?
    @Setting("overwrite", help: "replace a finished cache") var overwrites = false
    @Setting("profile", owner: .program, help: Profile.help("encoded batches")) var profile: String?

    func validate() throws(ConfigurationError) {
      guard !datasetName.isEmpty else {
        throw ConfigurationError("dataset_name", "is needed: the dataset's repository, whose name the cache bears")
      }
      // Training and rollouts take the window from the suffix.
      guard WorldModalityConfiguration.window(ofSuffix: suffix) ?? 1 == temporalWindow else {
        throw ConfigurationError(
          "latent_suffix",
          "expected it to name the window of \(temporalWindow) frames, such as m\(temporalWindow)_wrist, found \(suffix)"
        )
      }
    }

    var suffix: String { latentSuffix ?? "m\(temporalWindow)" }
  }

  static let name = "precompute"
  static let summary = "encode every frame of a dataset into its world latent; with --features, into image features"
  static let examples = [
    "lerobot-wm-precompute --dataset_name HuggingFaceVLA/libero --image_key observation.images.image --cache_dir cache "
      + "--world_latents_source vjepa --temporal_window 4 --device cuda"
  ]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    try configured.applyRenameMap()
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    try useComputeThreads(settings.computeThreads)
    // Before anything is fetched.
    let device = try Device.chosen(settings.device)
    let profile = try Profile(settings.profile, overwrite: settings.overwrites)
    let root = try DatasetLocation.root(
      repositoryID: settings.datasetName, root: settings.datasetRoot.map { URL(fileURLWithPath: $0) },
      revision: settings.revision)
    let dataset = try LeRobotDataset(root: root, tolerance: settings.tolerance)
    try settings.renameMap.checkRenaming(of: dataset.metadata.features.keys, in: root.path)
    let camera = settings.renameMap.datasetName(of: settings.imageKey, among: dataset.metadata.cameras)
    guard dataset.metadata.cameras.contains(camera) else {
      throw Failure(
        "\(root.path) has no camera \(settings.imageKey); --image_key is one of "
          + dataset.metadata.cameras.joined(separator: ", "))
    }
    let idle = idleRevision(settings.revision, of: "revision", settings.datasetName, settings.datasetRoot)
    ([idle].compactMap(\.self) + dataset.notices).forEach { say("warning: " + $0) }
    try dataset.checkVideos(of: [camera])
    try dataset.checkImages(of: [camera])
    let url = try LatentCache.url(
      cacheDirectory: URL(fileURLWithPath: settings.cacheDirectory), datasetRepoID: settings.datasetName,
      source: settings.source.rawValue, suffix: settings.suffix)
    let name = settings.encoderName ?? settings.source.defaultEncoderName
    let folder = try EncoderFolder(ModelLocation.directory(of: name, holding: ModelLocation.weights))
    let encoder = try settings.source.encoder(
      in: folder, dtype: settings.precision == .bfloat16 ? .bfloat16 : .float32,
      device: device)
    let identity = LatentCacheManifest(
      datasetRepoID: settings.datasetName,
      dataset: try DatasetFingerprint(
        root: root, episodes: dataset.metadata.episodeCount, frames: dataset.metadata.frameCount),
      camera: camera,
      encoder: EncoderFingerprint(
        source: settings.source, name: name, sha256: try folder.sha256(), precision: settings.precision.rawValue),
      latentDimension: encoder.latentDimension, temporalWindow: settings.temporalWindow,
      preprocessing: encoder.preprocessing)
    let clips = min(settings.batchSize, dataset.count) * settings.temporalWindow
    let size = dataset.metadata.features[camera]?.imageSize ?? (0, 0)
    try FreeMemory.require(
      3 * Double(clips) * Double(size.height) * Double(size.width), for: "`batch_size=\(settings.batchSize)`",
      remedy: "encode fewer clips at once")
    let work = try WorldLatentPrecomputation(
      encoder, identity: identity, episodes: dataset.episodes.map(\.frames), batchSize: settings.batchSize,
      shard: settings.shard)
    var missing: [Shard] = []
    let stopped = try doResumably("encoding", total: work.rows.count, profile) { report in
      missing = try work.run(
        to: url, overwrite: settings.overwrites, workers: settings.workers,
        image: { try dataset.image(camera, at: $0) }, progress: { done, _ in try report(done) })
    }
    if let stopped { return stopped }
    if missing.isEmpty {
      print(url.path)
    } else {
      say("this shard is finished; the cache is made when \(missing.map(\.description).joined(separator: ", ")) is")
    }
    return 0
  }
}
