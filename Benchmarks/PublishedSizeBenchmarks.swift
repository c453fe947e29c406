import CounterBasedRandom
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import PolicyTraining
import RobotPolicies
import SmolVLA
import Tracing
import WorldEncoders
import WorldModality

/// One figure of the published sizes, as `policy_peer.py` takes LeRobot's and transformers': SmolVLA with 450 M parameters,
/// two cameras of 256², chunks of 50 actions; V-JEPA 2 ViT-L on clips of 4 frames. Weights are random.
///
/// Each is taken in a process of its own, whose peak memory is then the job's.
enum PublishedSizeJob: String, CaseIterable {
  case step
  /// A step that reads kept image features in the images' place.
  case featureStep = "feature-step"
  /// A step of `smolvla_world` with a predicted memory, from kept image features.
  case worldStep = "world-step"
  case chunk
  /// Latents of clips.
  case encoder
  /// A product of matrices, the measure of what is possible.
  case product
  /// Whether `smolvla_world` with closed gates plans SmolVLA's chunk bit for bit.
  case gate
  /// Whether updates and plans that a GPU repeats as a graph give what they give without one.
  case graph

  /// - Parameters:
  ///   - rows: samples, observations or clips at a time.
  ///   - trace: the file for a trace of one round; nil for none.
  func figures(
    _ device: Device, _ precision: Precision, rows: Int, seconds: Double, trace: URL? = nil
  ) throws -> JSON {
    try TorchEngine.shared().allowTF32(precision == .tf32)
    if let isIdentical = try isIdentical(device, precision, rows) {
      return ["program": "lerobot-wm", "job": .string(rawValue), "identical": .integer(isIdentical ? 1 : 0)]
    }
    let round = try prepared(device, precision, rows)
    forgetPeak()
    // A GPU's work is recorded in the third.
    for _ in 0..<(device == .cpu ? 1 : 4) { try round() }
    if let trace { try record(round, into: trace) }
    let clock = ContinuousClock()
    let start = clock.now
    var rounds: [Double] = []
    repeat { rounds.append(try clock.measure(round) / .seconds(1)) } while clock.now - start < .seconds(seconds)
    return [
      "program": "lerobot-wm", "job": .string(rawValue), "precision": .string(precision.rawValue),
      "rows": .integer(rows), "seconds": .number(rounds.min() ?? 0),
      "median_seconds": .number(rounds.sorted()[rounds.count / 2]),
      "peak_mb": .integer(try peakMegabytes()), "torch": .string(try TorchEngine.shared().version),
      "size": .integer(Self.productSize(device)),
    ]
  }

  /// The answer to a question; nil where times are asked for.
  private func isIdentical(_ device: Device, _ precision: Precision, _ rows: Int) throws -> Bool? {
    switch self {
    case .gate: try PublishedPolicy.closedGateIsIdentical(device, precision, rows)
    case .graph:
      try PublishedPolicy.repeatedUpdateIsIdentical(device, precision, rows)
        && PublishedPolicy(device, precision, isTrained: false).repeatedChunkIsIdentical(rows)
    default: nil
    }
  }

  private func record(_ round: () throws -> Void, into file: URL) throws {
    try TorchEngine.shared().startProfiler()
    Tracer.start()
    try round()
    var trace = Tracer.stop()
    try TorchEngine.shared().stopProfiler(into: &trace)
    try trace.write(to: file, overwrite: true)
  }

  /// What one round does, with its data where they are needed.
  private func prepared(_ device: Device, _ precision: Precision, _ rows: Int) throws -> () throws -> Void {
    switch self {
    case .step: return try PublishedPolicy(device, precision).step(rows)
    case .featureStep: return try PublishedPolicy(device, precision).step(rows, keepsFeatures: true)
    case .worldStep: return try PublishedPolicy(device, precision, hasWorld: true).step(rows, keepsFeatures: true)
    case .chunk: return try PublishedPolicy(device, precision, isTrained: false).chunk(rows)
    case .encoder: return try encoderRound(device, precision, rows)
    case .product: return try productRound(device, precision)
    case .gate, .graph: throw Failure("a question has no rounds")
    }
  }

  private static func productSize(_ device: Device) -> Int { device == .cpu ? 4096 : 8192 }

  private func encoderRound(_ device: Device, _ precision: Precision, _ rows: Int) throws -> () throws -> Void {
    let dtype = precision == .bf16 ? DType.bfloat16 : .float32
    let encoder = try VJEPA2Encoder(untrained: VJEPA2Configuration(), seed: 0, dtype: dtype, device: device)
    let size = encoder.configuration.cropSize
    let frames = try Tensor.normal([4 * rows, 3, size, size], CountedRandom(seed: 0, "frames"), device: device)
    let clips = (0..<rows).map { row in (0..<4).map { 4 * row + $0 } }
    return { _ = try encoder.latents(of: frames, clips: clips).sum().item() }
  }

  private func productRound(_ device: Device, _ precision: Precision) throws -> () throws -> Void {
    let size = Self.productSize(device)
    let matrix = try Tensor.normal([size, size], CountedRandom(seed: 0, "matrix"), device: device)
      .to(precision == .bf16 ? DType.bfloat16 : .float32)
    return { _ = try matrix.matmul(matrix).select(dimension: 0, index: 0).sum().item() }
  }
}

/// Starts the measure of peak memory again: how weights came into being does not count.
private func forgetPeak() {
  // Glibc's module leaves it out.
  typealias Trim = @convention(c) (Int) -> Int32
  if let trim = dlsym(nil, "malloc_trim") { _ = unsafeBitCast(trim, to: Trim.self)(0) }
  try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
}

/// The largest part of memory that this process has had since.
private func peakMegabytes() throws -> Int {
  let text = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
  let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
  return line.flatMap { $0.split(whereSeparator: \.isWhitespace).dropFirst().first }.flatMap { Int($0) }.map {
    $0 / 1024
  } ?? 0
}

/// SmolVLA in its published size, or `smolvla_world` around it, with its optimizer.
private struct PublishedPolicy {
  private let policy: any Policy
  private let device: Device
  private let optimizer: AdamW
  private let random = CountedRandom(seed: 0, "bench")
  private static let cameras = ["observation.images.image", "observation.images.image2"]

  init(_ device: Device, _ precision: Precision, hasWorld: Bool = false, isTrained: Bool = true) throws {
    let configuration = Self.configuration
    let smolvla = configuration.smolvla
    let store = ParameterStore(
      loading: try Self.weights(hasWorld: hasWorld), seed: 0, device: device, precision: precision
    ) {
      smolvla.heldType(of: $0, $1, in: precision, on: device, isTrained: isTrained)
    }
    policy = try Self.policy(hasWorld: hasWorld, store)
    self.device = device
    optimizer = AdamW(store, settings: smolvla.optimizer)
  }

  private static var configuration: SmolVLAWorldConfiguration {
    var configuration = SmolVLAWorldConfiguration()
    for camera in cameras { configuration.smolvla.inputFeatures[camera] = PolicyFeature(.visual, [3, 256, 256]) }
    configuration.smolvla.inputFeatures[BatchKey.state] = PolicyFeature(.state, [8])
    configuration.smolvla.outputFeatures[BatchKey.action] = PolicyFeature(.action, [7])
    // Rollouts then need no encoder.
    configuration.world.rolloutMemory = .zero
    return configuration
  }

  private static func policy(hasWorld: Bool, _ store: ParameterStore) throws -> any Policy {
    guard hasWorld else {
      return try SmolVLAPolicy(configuration.smolvla, backbone: backbone(), imageTokens: nil, parameters: store)
    }
    return try SmolVLAWorldPolicy(configuration, backbone: backbone(), imageTokens: nil, parameters: store) {
      throw Failure("a training step needs no encoder")
    }
  }

  /// Random weights in a file of bfloat16 numbers, as published ones are; drawn once for all processes that share a folder
  /// for temporary files.
  private static func weights(hasWorld: Bool) throws -> StateDictionary {
    let file = FileManager.default.temporaryDirectory.appendingPathComponent(
      "lerobot-wm-benchmark-\(hasWorld ? "smolvla_world" : "smolvla").safetensors")
    if !FileManager.default.fileExists(atPath: file.path) {
      let store = ParameterStore(seed: 0, device: .cpu) { _, _ in .bfloat16 }
      _ = try policy(hasWorld: hasWorld, store)
      try Tensor.save(
        StateDictionary(uniqueKeysWithValues: store.parameters.map { ($0.name, $0.tensor) }), to: file,
        overwrite: true)
    }
    return try Tensor.load(file)
  }

  /// Both policies have the same parameters, because what is drawn depends on the name.
  static func closedGateIsIdentical(_ device: Device, _ precision: Precision, _ rows: Int) throws -> Bool {
    func chunk(hasWorld: Bool) throws -> Tensor {
      let published = try PublishedPolicy(device, precision, hasWorld: hasWorld, isTrained: false)
      return try published.policy.actionChunk(
        for: published.batch(rows), random: (0..<rows).map { published.random.at($0) })
    }
    return try chunk(hasWorld: false).isIdentical(to: chunk(hasWorld: true))
  }

  /// Four updates of two policies that begin alike; one of them never records.
  static func repeatedUpdateIsIdentical(_ device: Device, _ precision: Precision, _ rows: Int) throws -> Bool {
    let (plain, other) = try (PublishedPolicy(device, precision), PublishedPolicy(device, precision))
    var update = PolicyUpdate(other.policy, other.optimizer)
    let batch = try plain.batch(rows)
    for step in 0..<4 {
      let random = plain.random.at(step)
      try plain.policy.loss(of: batch, random: random).total.backward()
      _ = try plain.policy.clipGradients(toNorm: plain.optimizer.settings.maximumGradientNorm)
      try plain.optimizer.step(learningRate: 1e-4)
      try plain.optimizer.clearGradients()
      _ = try update(batch, random: random, learningRate: 1e-4)
      if let obstacle = update.obstacle { throw Failure("the update is not recorded: \(obstacle)") }
    }
    return try zip(plain.policy.parameters.parameters, other.policy.parameters.parameters).allSatisfy {
      try $0.tensor.isIdentical(to: $1.tensor)
    }
  }

  /// The fourth plan is a graph's, the first is not.
  func repeatedChunkIsIdentical(_ rows: Int) throws -> Bool {
    let observations = try batch(rows)
    let chunks = try (0..<4).map { _ in
      try policy.actionChunk(for: observations, random: (0..<rows).map { random.at($0) })
    }
    return try chunks[3].isIdentical(to: chunks[0])
  }

  /// A whole update.
  func step(_ rows: Int, keepsFeatures: Bool = false) throws -> () throws -> Void {
    var batch = try batch(rows)
    if keepsFeatures, let policy = policy as? any ImageFeaturePolicy {
      for camera in Self.cameras {
        batch[BatchKey.features(of: camera)] = try policy.imageFeatures(of: batch.require(camera))
        batch[camera] = nil
      }
    }
    let training = batch
    var update = PolicyUpdate(policy, optimizer)
    return {
      let metrics = try update(training, random: random, learningRate: 1e-4)
      if let obstacle = update.obstacle { throw Failure("the update is not recorded: \(obstacle)") }
      // Reading a number waits for the device.
      _ = try metrics["loss"]?.item()
    }
  }

  func chunk(_ rows: Int) throws -> () throws -> Void {
    let observations = try batch(rows)
    return {
      _ = try policy.actionChunk(for: observations, random: (0..<rows).map { random.at($0) }).to(Device.cpu)
        .scalars(Float.self)
    }
  }

  private func batch(_ rows: Int) throws -> Batch {
    var batch = Batch()
    for camera in Self.cameras { batch[camera] = try Tensor.full([rows, 3, 256, 256], 0.5) }
    batch[BatchKey.state] = try Tensor.normal([rows, 8], random.at("state"))
    batch[BatchKey.action] = try Tensor.normal([rows, 50, 7], random.at("action"))
    batch[BatchKey.actionIsPad] = try Tensor.zeros([rows, 50], dtype: .bool)
    batch[BatchKey.tokens] = try Tensor.ones([rows, 20], dtype: .int64)
    batch[BatchKey.tokenMask] = try Tensor.ones([rows, 20], dtype: .bool)
    let world = WorldModalityConfiguration()
    batch[WorldKey.history] = try Tensor.normal(
      [rows, world.contextFrames, world.worldLatentDimension], random.at("history"))
    batch[WorldKey.future] = try Tensor.normal(
      [rows, world.futureOffset, world.worldLatentDimension], random.at("future"))
    batch[WorldKey.futureValid] = try Tensor.ones([rows, world.futureOffset], dtype: .bool)
    for (name, tensor) in batch.tensors { batch[name] = try tensor.to(device) }
    return batch
  }

  /// The sizes of SmolVLM2-500M-Video-Instruct.
  private static func backbone() throws -> BackboneConfiguration {
    try BackboneConfiguration(
      [
        "text_config": [
          "hidden_size": 960, "intermediate_size": 2560, "num_hidden_layers": 32, "num_attention_heads": 15,
          "num_key_value_heads": 5, "head_dim": 64, "vocab_size": 49280, "rms_norm_eps": 1e-5, "pad_token_id": 2,
        ],
        "vision_config": [
          "hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12,
          "image_size": 512, "patch_size": 16,
        ],
        "scale_factor": 4,
      ], in: "the published backbone")
  }
}
