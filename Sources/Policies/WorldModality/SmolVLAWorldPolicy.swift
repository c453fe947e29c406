import CounterBasedRandom
import Failures
import LayeredSettings
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import SmolVLA
import WorldEncoders
import WorldLatents

/// The settings of `smolvla_world`: SmolVLA's and the world modality's, in one flat section.
public struct SmolVLAWorldConfiguration: ConfigurationSection, Equatable {
  @SettingsGroup public var smolvla = SmolVLAConfiguration()
  @SettingsGroup public var world = WorldModalityConfiguration()

  public init() {}
}

/// A batch's latents, beside LeRobot's keys.
public enum WorldKey {
  /// [B, T, D]: z of the last T steps.
  public static let history = "world_z_hist"
  /// [B, K, D]: z of the next K steps.
  public static let future = "world_z_future"
  /// [B, K] bool: which of them lie within the episode.
  public static let futureValid = "world_future_valid"
  /// What a memory that is not predicted draws; see ``WorldModel/trainingDraw(like:random:)``.
  static let draw = "world_draw"
  /// [B, K, D]: the memory that a plan reads.
  static let memory = "world_memory"
  /// [B, 1, 1] bool: the rows that may read it.
  static let usable = "world_memory_usable"
}

/// SmolVLA that may read predicted future latents, behind a gate at each place where they enter.
///
/// It wraps SmolVLA and passes a refinement; with the gates closed it is SmolVLA, bit for bit.
public final class SmolVLAWorldPolicy: InspectablePolicy, ImageFeaturePolicy {
  public private(set) var configuration: SmolVLAWorldConfiguration
  /// Planning steps' rows whose memory held a number that is not finite and was not used.
  public private(set) var droppedMemories = 0
  let base: SmolVLAPolicy
  private(set) var world: WorldModel
  private let camera: String
  private let loadEncoder: () throws -> any WorldEncoder
  private var encoder: (any WorldEncoder)?

  /// Builds the policy from a store: SmolVLA's parameters first, then those that read the memory and the Prophet's.
  ///
  /// - Parameter encoder: gives the frozen encoder; asked for only when a rollout needs it.
  /// - Throws: settings that cannot be built, `world_camera` among them where the policy has no such camera.
  public init(
    _ configuration: SmolVLAWorldConfiguration, backbone: BackboneConfiguration, imageTokens: ImageSpecialTokens?,
    parameters: ParameterStore, encoder: @escaping () throws -> any WorldEncoder
  ) throws {
    self.configuration = configuration
    loadEncoder = encoder
    base = try SmolVLAPolicy(
      configuration.smolvla, backbone: backbone, imageTokens: imageTokens, parameters: parameters)
    world = try WorldModel(
      parameters.root, configuration.world, expertWidth: base.expertWidth, languageWidth: base.languageWidth)
    camera = try configuration.world.camera.name(among: base.interface.cameras)
    try parameters.setTrainable { [base] in base.isTrainable($0) }
  }

  /// SmolVLA's parameters, those that read the memory and the Prophet's.
  public var parameters: ParameterStore { base.parameters }
  /// SmolVLA's interface: the world modality changes no feature.
  public var interface: PolicyInterface { base.interface }

  // MARK: Training

  /// The batch with SmolVLA's draws, and with what a memory that is not predicted draws.
  public func drawing(for batch: Batch, random: CountedRandom) throws -> Batch {
    var drawn = try base.drawing(for: batch, random: random)
    let future = try batch.require(WorldKey.future)
    let rows = (0..<future.size(0)).map { random.at("world").at($0) }
    drawn[WorldKey.draw] = try batch[WorldKey.draw] ?? world.trainingDraw(like: future, random: rows)
    return drawn
  }

  /// The action loss that has read the memory plus the weighted world loss; the batch brings the latents of
  /// ``WorldKey``.
  public func loss(of batch: Batch) throws -> PolicyLoss {
    let step = try worldStep(of: batch)
    let log = configuration.world.logsAttention ? FusionLog() : nil
    let action = try base.actionLoss(of: batch, refinement: refinement(step, log))
    let total = try action + step.loss * configuration.world.worldLossWeight
    var all: OrderedDictionary<String, Tensor> = ["loss": action, "loss_total": total]
    all.merge(step.metrics) { $1 }
    all.merge(log?.metrics ?? [:]) { $1 }
    return PolicyLoss(total: total, metrics: all)
  }

  /// What a training step's memory changes.
  private func refinement(_ step: WorldStep, _ log: FusionLog? = nil) throws -> Refinement {
    try step.memory.map { try world.fusion.refinement(reading: $0, log: log) } ?? Refinement()
  }

  private func worldStep(of batch: Batch) throws -> WorldStep {
    let latents = LatentBatch(
      history: try batch.require(WorldKey.history), future: try batch.require(WorldKey.future),
      isValid: try batch.require(WorldKey.futureValid).to(.bool))
    return try world.trainingStep(latents, drawn: batch[WorldKey.draw])
  }

  /// Gradient norms of the world modality's parts.
  public func gradientMetrics() throws -> OrderedDictionary<String, Tensor> {
    configuration.world.logsGradients ? try world.gradientMetrics(of: parameters) : [:]
  }

  /// The Prophet, where no action reads its memory: SmolVLA then trains exactly as without it.
  public func isTrainedApart(_ parameter: String) -> Bool {
    !configuration.world.readsMemory && parameter.hasPrefix("prophet.")
  }

  /// The numbers of SmolVLA's way and of the world modality's, under the goldens' names.
  public func intermediates(
    of batch: Batch, random: CountedRandom
  ) throws -> OrderedDictionary<String, Tensor> {
    try withoutGradients {
      var numbers = try base.intermediates(of: batch, random: random)
      if let history = batch[WorldKey.history], let prophet = world.prophet {
        numbers["mid/prophet"] = try prophet(history.to(.float32))
        numbers["out/world_memory"] = try world.memory(ofHistory: history)
      }
      guard numbers["out/losses"] != nil else { return numbers }
      let drawn = try drawing(for: batch, random: random)
      let losses = try base.actionLosses(of: drawn, refinement: refinement(worldStep(of: drawn)))
      numbers["out/losses"] = losses
      numbers["out/loss_all_dimensions_unmasked"] = try losses.mean()
      return numbers
    }
  }

  // MARK: Image features, SmolVLA's

  public var imageFeatureObstacle: String? { base.imageFeatureObstacle }
  public func imageFeatures(of images: Tensor) throws -> Tensor { try base.imageFeatures(of: images) }
  public func imageFeatureIdentity() throws -> JSON { try base.imageFeatureIdentity() }

  // MARK: Planning

  /// Reads another memory in closed loop from now on.
  public func rollOut(with memory: RolloutMemoryMode) {
    configuration.world.rolloutMemory = memory
    world.configuration.rolloutMemory = memory
  }

  /// None where the memory would change nothing: its images need not even be drawn.
  public var history: ObservationHistory? {
    guard configuration.world.rolloutMemory.readsHistory, (try? world.ignoresMemory()) == false else { return nil }
    return ObservationHistory(camera: camera, frames: configuration.world.historyFrames)
  }

  /// Plans actions [B, chunk, action]; the memory comes from the batch's history of images.
  public func actionChunk(for batch: Batch, random: [CountedRandom]) throws -> Tensor {
    guard let memory = try world.rolloutMemory(random: random, history: { try latentHistory(of: batch) }) else {
      return try base.actionChunk(for: batch, random: random)
    }
    droppedMemories += memory.droppedRows
    var reading = batch
    reading[BatchKey.history] = nil
    reading[WorldKey.memory] = memory.latents
    reading[WorldKey.usable] = memory.usable
    return try base.actionChunk(for: reading, random: random, variant: memory.open.sorted().joined(separator: " ")) {
      try world.fusion.refinement(
        reading: $0.require(WorldKey.memory), usable: $0[WorldKey.usable], only: memory.open)
    }
  }

  /// The latents of the last steps: the batch's own, or those of its images.
  private func latentHistory(of batch: Batch) throws -> Tensor {
    if let given = batch[WorldKey.history] { return given }
    let images = try batch.require(BatchKey.history)
    let encoder = try frozenEncoder()
    return try encoder.latentHistory(
      of: images, contextFrames: configuration.world.contextFrames,
      temporalWindow: configuration.world.temporalWindow
    ).to(parameters.device)
  }

  /// Whether open gates let memories in that are exchanged across the batch.
  public var plansDependOnBatch: Bool { configuration.world.rolloutMemory == .shuffle && history != nil }

  /// Loads the encoder where rollouts will use it, now or once the gate has opened.
  public func prepareForRollouts() throws {
    guard configuration.world.readsMemory, configuration.world.rolloutMemory.readsHistory else { return }
    _ = try frozenEncoder()
  }

  /// The encoder, loaded when it is first needed.
  private func frozenEncoder() throws -> any WorldEncoder {
    if let encoder { return encoder }
    let (loaded, dimension) = (try loadEncoder(), configuration.world.worldLatentDimension)
    guard loaded.latentDimension == dimension else {
      throw Failure(
        "the encoder \(configuration.world.encoderName) gives latents of \(loaded.latentDimension) numbers, the policy "
          + "takes `world_latent_dim=\(dimension)`; fix `world_vision_model_name`")
    }
    encoder = loaded
    return loaded
  }
}
