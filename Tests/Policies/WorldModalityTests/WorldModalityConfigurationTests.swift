import Failures
import Foundation
import LayeredSettings
import ModelFiles
import Testing

@testable import WorldModality

struct WorldModalityConfigurationTests {
  @Test func `settings that cannot be built are refused by the flag`() throws {
    let changes: [(String, (inout WorldModalityConfiguration) -> Void)] = [
      ("prophet_heads", { $0.prophetHeads = 3 }), ("prophet_dropout", { $0.prophetDropout = 0.1 }),
      ("context_frames", { $0.contextFrames = 0 }), ("future_offset", { $0.futureOffset = -1 }),
      ("lambda_world", { $0.worldLossWeight = -1 }), ("lambda_world", { $0.worldLossWeight = .nan }),
      ("world_gate_init", { $0.gateInitialization = .infinity }),
      ("world_prefix_gate_init", { $0.prefixGateInitialization = .nan }),
      ("world_prefix_num_heads", { $0.prefixHeads = 0 }),
      ("world_prefix_tokens", { $0.prefixTokens = -1 }), ("world_prefix_tokens", { $0.prefixTokens = 9 }),
      ("world_prefix_block", { $0.prefixBlock = .prefix }),
      (
        "world_prefix_cross_attn",
        {
          $0.prefixTokens = 8
          $0.isPrefixInjectionEnabled = true
        }
      ),
      (
        "world_memory_mode_train",
        {
          $0.isInjectionEnabled = false
          $0.isSuffixInjectionEnabled = true
          $0.isPredictorEnabled = false
        }
      ),
      ("world_rollout_temporal_window", { $0.rolloutTemporalWindow = 1 }),
      ("world_rollout_temporal_window", { $0.rolloutTemporalWindow = -4 }),
      ("world_memory_mode_train", { $0.isPredictorEnabled = false }),
      (
        "world_memory_mode_rollout",
        {
          $0.isPredictorEnabled = false
          $0.trainingMemory = .zero
          $0.rolloutMemory = .pred
        }
      ),
    ]
    for (name, change) in changes {
      var configuration = WorldModalityConfiguration()
      change(&configuration)
      let error = #expect(throws: ConfigurationError.self) { try configuration.validateAll() }
      #expect(error?.name == name)
    }
    try WorldModalityConfiguration().validate()
    let error = #expect(throws: Failure.self) {
      try WorldModalityConfiguration().check(expertWidth: 36, languageWidth: 8)
    }
    #expect(error?.description.contains("`world_inject_num_heads`") == true)
    var reading = WorldModalityConfiguration()
    try reading.check(expertWidth: 8, languageWidth: 36)
    reading.isPrefixInjectionEnabled = true
    let second = #expect(throws: Failure.self) { try reading.check(expertWidth: 8, languageWidth: 36) }
    #expect(second?.description.contains("`world_prefix_num_heads`") == true)
  }

  @Test func `flags are read, and oracle is refused in closed loop`() throws {
    var configured = Configured<WorldModalityConfiguration>()
    try configured.apply(
      Arguments(["--world_memory_mode_rollout=random_scaled", "--latent_suffix=m2", "--world_latents_source", "dino"]))
    let configuration = try configured.validated()
    #expect(configuration.rolloutMemory == .randomScaled && configuration.latentsSource == .dino)
    #expect(configuration.temporalWindow == 2 && configuration.historyFrames == 5)
    let error = #expect(throws: ConfigurationError.self) {
      try configured.apply(Arguments(["--world_memory_mode_rollout=oracle"]))
    }
    #expect(error?.description.contains("closed loop") == true)
    try configured.apply(Arguments(["--world_memory_mode_train=oracle"]))
    #expect(throws: ConfigurationError.self) { try configured.apply(Arguments(["--world_latents_source=clip"])) }
  }

  @Test(arguments: [("m4", 4), ("m16_wrist", 16), ("front_m2", 2), ("", 1), ("wrist", 1), ("m", 1), ("m0", 1)])
  func `a suffix names the clip's frames`(suffix: String, frames: Int) throws {
    var configuration = WorldModalityConfiguration()
    configuration.latentSuffix = suffix
    #expect(configuration.temporalWindow == frames)
    configuration.rolloutTemporalWindow = frames
    try configuration.validate()
    #expect(configuration.temporalWindow == frames)
  }

  /// In the order of the Python project's `config.json`.
  @Test func `a checkpoint's settings come back as they were`() throws {
    let expected: JSON = [
      "dataset_repo_id": "local/tiny", "cache_dir": "cache", "world_latents_source": "vjepa", "latent_suffix": "m4",
      "world_latent_dim": 24, "context_frames": 4, "future_offset": 5, "lambda_world": 0.2,
      "enable_world_injection": true, "world_inject_num_heads": 4, "world_gate_init": 0.0,
      "world_memory_mode_train": "pred", "world_memory_mode_rollout": "pred", "enable_world_predictor": true,
      "prophet_layers": 2, "prophet_heads": 4, "prophet_dropout": 0.0, "delta_prediction": true,
      "log_attn_stats": true, "log_grad_stats": true, "init_from_policy_path": "", "init_from_strict": false,
      "world_vision_model_name": "facebook/vjepa2-vitl-fpc64-256", "world_rollout_temporal_window": 0,
    ]
    var configured = Configured<WorldModalityConfiguration>()
    try configured.apply(expected, from: "config.json")
    var written = try #require(try configured.validated().json.object)
    #expect(written.removeValue(forKey: "world_camera") == "front")
    // A run of before the variants reads the memory at the expert's output alone.
    let variants: JSON = [
      "world_inject_suffix_in": false, "world_prefix_tokens": 0, "world_prefix_block": "state",
      "world_prefix_cross_attn": false, "world_prefix_num_heads": 8, "world_prefix_gate_init": 0.0,
    ]
    for (name, value) in try #require(variants.object) { #expect(written.removeValue(forKey: name) == value) }
    #expect(JSON.object(written) == expected)
  }

  @Test func `the encoder is the source's unless it is named`() throws {
    var configuration = WorldModalityConfiguration()
    configuration.latentsSource = .dino
    #expect(configuration.encoderName == "facebook/dinov2-base")
    configuration.encoderName = "facebook/dinov2-large"
    configuration.latentsSource = .vjepa
    #expect(configuration.encoderName == "facebook/dinov2-large")
  }

  @Test func `front and wrist are found by name, or refused`() throws {
    let libero = ["observation.images.image", "observation.images.image2"]
    #expect(try WorldCamera.front.name(among: libero) == libero[0])
    #expect(try WorldCamera.wrist.name(among: libero) == libero[1])
    let other = ["observation.images.wrist_left", "observation.images.top"]
    #expect(try WorldCamera.front.name(among: other) == other[1])
    #expect(try WorldCamera.wrist.name(among: other) == other[0])
    let error = #expect(throws: Failure.self) { try WorldCamera.wrist.name(among: [other[1]]) }
    #expect(error?.description.contains("`world_camera=wrist`") == true)
  }

  @Test func `a world camera of any name is one of the policy's`() throws {
    let cameras = ["observation.images.top", "observation.images.side"]
    for name in ["side", "observation.images.side"] {
      var configured = Configured<WorldModalityConfiguration>()
      try configured.apply(Arguments(["--world_camera=\(name)"]))
      let camera = try configured.validated().camera
      #expect(try camera.name(among: cameras) == cameras[1])
      #expect(configured.json["world_camera"] == .string(name))
      let error = #expect(throws: Failure.self) { try camera.name(among: [cameras[0]]) }
      #expect(error?.description.contains("no such camera among observation.images.top") == true)
    }
    var empty = Configured<WorldModalityConfiguration>()
    #expect(throws: ConfigurationError.self) { try empty.apply(Arguments(["--world_camera="])) }
  }

  @Test(arguments: zip(TrainingMemoryMode.allCases, ["pred", "pred", "zero", "shuffle", "random"]))
  func `the memory in closed loop is that of the training until another is given`(
    mode: TrainingMemoryMode, name: String
  ) {
    var configuration = WorldModalityConfiguration()
    configuration.trainingMemory = mode
    #expect(configuration.rolloutMemory.rawValue == name)
    #expect(configuration.json["world_memory_mode_rollout"]?.string == name)
    configuration.rolloutMemory = .signflip
    #expect(configuration.rolloutMemory == .signflip)
  }
}
