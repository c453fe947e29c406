import CounterBasedRandom
import Failures
import Foundation
import LibTorch
import NeuralNetworks
import RobotPolicies
import Testing

@testable import SmolVLA

/// LeRobot's own numbers in many tiny configurations (oracle/goldens/smolvla.py).
struct ConfigurationGoldenTests {
  @Test func `there are goldens`() {
    #expect(GoldenCase.all(in: GoldenCase.committedFolder).count >= 25)
    #expect(GoldenCase.all(in: GoldenCase.currentFolder).count >= 6)
    if let drawn = GoldenCase.drawnFolder { #expect(!GoldenCase.all(in: drawn).isEmpty) }
  }

  @Test(arguments: GoldenCase.all)
  func `embeddings and masks equal LeRobot's`(_ golden: GoldenCase) throws {
    let loaded = try LoadedCase(golden)
    try withoutGradients {
      let (policy, batch) = (loaded.policy, loaded.batch)
      if loaded.expected["mid/vision0"] != nil {
        let images = try ImagePreparation.images(of: batch, policy.configuration)
        guard case .pixels(let pixels) = images[0].content else { throw Failure("expected pixels") }
        try golden.compare("image", loaded.deviation(pixels, "mid/img0_resized"), below: 1e-6)
        try golden.compare("vision", loaded.deviation(policy.model.vision([pixels])[0], "mid/vision0"), below: 1e-6)
      }
      let prefix = try policy.prefix(of: batch)
      // LeRobot fills the prefix up to prefix_length with zeros that nothing attends to; here they are left away.
      let length = prefix.context.size(1) + 1
      let padding = try #require(loaded.expected["mid/prefix_pad"]).size(1) - length
      let tokens = try Tensor.concatenation([prefix.context, prefix.state], dimension: 1).padded([0, 0, 0, padding])
      try golden.compare("prefix", loaded.deviation(tokens, "mid/prefix_embs"), below: 1e-6)
      let mask = try prefix.visible().to(.int64).padded([0, padding]).to(.bool)
      #expect(try mask.isIdentical(to: #require(loaded.expected["mid/prefix_pad"])))

      let times = try batch.require(BatchKey.time).reshaped([-1, 1, 1])
      let actions = try loaded.paddedActions()
      let noisy = try times * batch.require(BatchKey.noise) + (1 - times) * actions
      let suffix = try policy.model.embedSuffix(noisy, time: batch.require(BatchKey.time))
      try golden.compare("suffix", loaded.deviation(suffix, "mid/suffix_embs"), below: 1e-6)
    }
  }

  @Test(arguments: GoldenCase.all)
  func `losses equal LeRobot's`(_ golden: GoldenCase) throws {
    let loaded = try LoadedCase(golden)
    try withoutGradients {
      let (policy, batch) = (loaded.policy, loaded.batch)
      let losses = try policy.model.losses(
        of: loaded.paddedActions(), noise: batch.require(BatchKey.noise), time: batch.require(BatchKey.time),
        cache: policy.model.cache(of: policy.prefix(of: batch)), refinement: Refinement())
      try golden.compare("losses", loaded.deviation(losses, "out/losses"), below: 1e-6)
      try golden.compare("loss", loaded.deviation(loaded.loss(), "out/loss"), below: 1e-6)
      let published = try LoadedCase(golden, inPublishedOrder: true).loss()
      try golden.compare("published loss", loaded.deviation(published, "out/loss"), below: 1e-6)
      let valid = try LoadedCase(golden, actionLoss: .valid).loss()
      try golden.compare("valid loss", loaded.deviation(valid, "out/loss_valid"), below: 1e-6)
    }
  }

  @Test(arguments: GoldenCase.all)
  func `the same parameters are trained, with LeRobot's gradients`(_ golden: GoldenCase) throws {
    let loaded = try LoadedCase(golden)
    let parameters = loaded.policy.parameters
    #expect(Set(parameters.trainable.map(\.parameter.name)) == loaded.trainable)
    try loaded.loss().backward()
    let total = try #require(loaded.expected["out/gradnorm"])
    try golden.compare(
      "gradient norm", loaded.deviation(parameters.gradientNorm().reshaped([1]), "out/gradnorm"), below: 1e-5)
    guard loaded.expected.keys.contains(where: { $0.hasPrefix("g/") }) else { return }
    var worst = 0.0
    for (_, parameter) in parameters.trainable {
      let name = parameter.name
      // Of the language model's last layer only keys and values are read, and its last norm never is. Where LeRobot
      // computes and throws away (None), or multiplies by zero (zeros), nothing is computed here: no gradient.
      if loaded.withoutGradient.contains(name) || loaded.zeroGradient.contains(name) {
        #expect(try parameter.tensor.gradient?.norm().item() ?? 0 == 0, "\(name)")
        #expect(loaded.expected["g/\(name)"] == nil)
        continue
      }
      let gradient = try #require(parameter.tensor.gradient, "\(name) has no gradient")
      if golden.vanishes(name, loaded.policy.configuration) {
        for rounding in [gradient, try #require(loaded.expected["g/\(name)"])] {
          #expect(try rounding.norm().item() < 1e-5 * total.item(), "\(name)")
        }
        continue
      }
      let deviation = try loaded.deviation(gradient, "g/\(name)")
      #expect(deviation < 1e-5, "\(name)")
      worst = max(worst, deviation)
    }
    golden.compare("worst gradient", worst, below: 1e-5)
  }

  @Test(arguments: GoldenCase.all)
  func `weights after one AdamW step equal LeRobot's`(_ golden: GoldenCase) throws {
    let loaded = try LoadedCase(golden)
    guard loaded.expected.keys.contains(where: { $0.hasPrefix("w1/") }) else { return }
    try loaded.loss().backward()
    let parameters = loaded.policy.parameters
    _ = try parameters.clipGradients(toNorm: 10)
    try AdamW(parameters, settings: SmolVLAConfiguration().optimizer).step(learningRate: 1e-3)
    var worst = 0.0
    for (_, parameter) in parameters.trainable where !golden.vanishes(parameter.name, loaded.policy.configuration) {
      let deviation = try loaded.deviation(parameter.tensor, "w1/\(parameter.name)")
      #expect(deviation < 1e-6, "\(parameter.name)")
      worst = max(worst, deviation)
    }
    golden.compare("worst weight", worst, below: 1e-6)
  }

  @Test(arguments: GoldenCase.all)
  func `sampled actions equal LeRobot's`(_ golden: GoldenCase) throws {
    let loaded = try LoadedCase(golden)
    let rows = try loaded.batch.require(BatchKey.state).size(0)
    let random = (0..<rows).map { CountedRandom(seed: 0, "unused").at($0) }
    let actions = try loaded.policy.actionChunk(for: loaded.batch, random: random)
    // With use_cache=false LeRobot raises; here it plans all the same.
    guard loaded.expected["out/actions"] != nil else {
      #expect(try actions.norm().item().isFinite)
      return
    }
    try golden.compare("actions", loaded.deviation(actions, "out/actions"), below: 1e-5)
  }

  @Test func `patches take the places that transformers gives them`() throws {
    let goldens = [(GoldenCase.committedFolder, LeRobotVersion.former), (GoldenCase.currentFolder, .current)]
    for (folder, version) in goldens {
      let places = try Tensor.load(folder.appendingPathComponent("positions.safetensors"))
      #expect(places.count >= 128)
      for (name, expected) in places {
        let numbers = name.split(separator: "/").compactMap { Int($0) }
        let dtype = name.hasPrefix("bfloat16/") ? DType.bfloat16 : .float32
        let found = try PatchPositions(version: version, dtype: dtype)
          .places(rows: 1, columns: numbers[1], side: numbers[0])
        #expect(try found.scalars(Int.self) == expected.scalars(Int.self), "\(folder.lastPathComponent) \(name)")
      }
    }
  }

  @Test func `each patch has a place of its own, and published towers the same in both versions`() throws {
    for side in [4, 16, 32, 64] {
      for dtype in [DType.float32, .bfloat16] {
        let places = try PatchPositions(version: .current, dtype: dtype).places(rows: side, columns: side, side: side)
        #expect(try places.scalars(Int.self) == Array(0..<side * side), "\(side) \(dtype)")
      }
      let former = try PatchPositions(version: .former, dtype: .bfloat16).places(rows: side, columns: side, side: side)
      #expect(try former.scalars(Int.self) == Array(0..<side * side), "\(side)")
    }
  }

  @Test func `the two versions of LeRobot act differently with a tower in float32`() throws {
    let cases = GoldenCase.all(in: GoldenCase.currentFolder)
    let golden = try #require(cases.first { $0.testDescription == "cross/baseline" })
    let former = try LoadedCase(golden, version: .former)
    let random = (0..<2).map { CountedRandom(seed: $0, "unused") }
    let actions = try former.policy.actionChunk(for: former.batch, random: random)
    #expect(try former.deviation(actions, "out/actions") > 0.05)
  }
}

extension GoldenCase {
  /// Records a deviation, and prints it where `make parity` listens.
  func compare(_ what: String, _ deviation: Double, below tolerance: Double) {
    #expect(deviation < tolerance, "\(what)")
    guard GoldenCase.drawnFolder != nil else { return }
    let sign = deviation < tolerance ? "equal" : "DIFFERENT"
    print("parity \(testDescription): \(what) \(sign), deviation \(deviation) (tolerance \(tolerance))")
  }

  /// Whether a parameter's gradient is zero but for rounding: a bias added to all keys moves all scores of a query
  /// alike, which softmax does not see. (Keys that are turned by their positions are each moved differently.)
  func vanishes(_ name: String, _ configuration: SmolVLAConfiguration) -> Bool {
    guard name.hasSuffix("self_attn.k_proj.bias") else { return false }
    if name.contains(".vision_model.") { return true }
    let parts = name.split(separator: ".")
    guard name.contains(".lm_expert."), let place = parts.firstIndex(of: "layers"), let layer = Int(parts[place + 1])
    else { return false }
    let period = configuration.selfAttentionEveryLayers
    return configuration.attentionMode == .cross && !(period > 0 && layer % period == 0)
  }
}

extension LoadedCase {
  /// LeRobot's loss, [1].
  func loss() throws -> Tensor {
    try policy.loss(of: batch, random: CountedRandom(seed: 0, "unused")).total.reshaped([1])
  }

  /// [B, chunk, max_action_dim]
  func paddedActions() throws -> Tensor {
    let actions = try batch.require(BatchKey.action)
    let missing = policy.configuration.maxActionDimension - actions.size(2)
    return missing == 0 ? actions : try actions.padded([0, missing])
  }
}
