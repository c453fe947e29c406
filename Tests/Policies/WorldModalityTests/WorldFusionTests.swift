import CounterBasedRandom
import Failures
import LibTorch
import NeuralNetworks
import RobotPolicies
import SmolVLA
import Testing

@testable import WorldModality

/// Every place where the memory can enter: closed, it leaves SmolVLA as it is, bit for bit, and can still open.
struct WorldFusionTests {
  /// Cases of each place, with the scopes of the gates that a training step reads.
  private static let places: [(name: String, gates: [String])] = [
    ("suffix_injection/suffix_alone", ["world_inject_suffix_in"]),
    ("suffix_injection/suffix_and_output", ["world_inject", "world_inject_suffix_in"]),
    ("prefix_tokens/tokens_for_state", ["world_prefix_tokens"]),
    ("prefix_tokens/tokens_for_all", ["world_prefix_tokens"]),
    ("prefix_tokens/tokens_all_trained", ["world_prefix_tokens"]),
    ("prefix_tokens_joint/joint_for_all", ["world_inject", "world_prefix_tokens"]),
    ("prefix_injection/every_place", ["world_inject", "world_inject_suffix_in", "world_prefix_cross_attn"]),
    ("prefix_injection/prefix_all_trained", ["world_inject", "world_inject_suffix_in", "world_prefix_cross_attn"]),
  ]
  private let random = CountedRandom(seed: 5, "train")

  private func addresses(_ count: Int) -> [CountedRandom] {
    (0..<count).map { CountedRandom(seed: 3, "plan").at($0) }
  }

  /// The batch of a case without its latents, and with another history.
  private func batch(_ loaded: LoadedPolicyCase, _ history: Tensor?) -> Batch {
    var batch = loaded.batch
    for key in [WorldKey.history, WorldKey.future, WorldKey.futureValid] { batch[key] = nil }
    batch[WorldKey.history] = history
    return batch
  }

  @Test(arguments: places, [false, true])
  func `at zero, losses and gradients are SmolVLA's, and every gate has a gradient of its own`(
    place: (name: String, gates: [String]), inPublishedOrder: Bool
  ) throws {
    let loaded = try LoadedPolicyCase(PolicyCase.committed(place.name))
    let baseline = try loaded.baseline(inPublishedOrder: inPublishedOrder)
    let wanted = try baseline.loss(of: loaded.batch, random: random).total
    try wanted.backward()
    let policy = try loaded.policy(gate: 0) { $0.smolvla.usesReferenceOrder = inPublishedOrder }
    let loss = try policy.loss(of: loaded.batch, random: random)
    #expect(try #require(loss.metrics["loss"]).isIdentical(to: wanted))
    try loss.total.backward()
    for (_, parameter) in baseline.parameters.trainable {
      let ours = try #require(policy.parameters.parameters.first { $0.name == parameter.name })
      guard let gradient = parameter.tensor.gradient else {
        #expect(ours.tensor.gradient == nil, "\(parameter.name)")
        continue
      }
      #expect(try #require(ours.tensor.gradient).isIdentical(to: gradient), "\(parameter.name)")
    }
    let gates = policy.parameters.parameters.filter { $0.name.hasSuffix(".gate") && $0.tensor.gradient != nil }
    #expect(gates.map(\.name) == place.gates.map { "model.\($0).gate" })
    for gate in gates { #expect(try abs(#require(gate.tensor.gradient).item()) > 1e-6, "\(gate.name)") }
  }

  @Test(arguments: places, [0, 9e-7])
  func `closed, plans are SmolVLA's without cache, encoder or history`(
    place: (name: String, gates: [String]), gate: Double
  ) throws {
    let loaded = try LoadedPolicyCase(PolicyCase.committed(place.name))
    let rows = addresses(try loaded.rows)
    let wanted = try loaded.baseline().actionChunk(for: batch(loaded, nil), random: rows)
    for mode in [RolloutMemoryMode.pred, .shuffle] {
      let policy = try loaded.policy(gate: gate) { $0.world.rolloutMemory = mode }
      #expect(policy.history == nil && !policy.plansDependOnBatch && policy.droppedMemories == 0)
      let broken = try Tensor.full(loaded.batch.require(WorldKey.history).shape, .nan)
      for history in [nil, broken] {
        #expect(try policy.actionChunk(for: batch(loaded, history), random: rows).isIdentical(to: wanted))
      }
    }
  }

  @Test(arguments: places)
  func `open, the plan needs the history, and a broken row of it gives SmolVLA's plan for that row alone`(
    place: (name: String, gates: [String])
  ) throws {
    let loaded = try LoadedPolicyCase(PolicyCase.committed(place.name))
    let rows = addresses(try loaded.rows)
    let wanted = try loaded.baseline().actionChunk(for: batch(loaded, nil), random: rows)
    let policy = try loaded.policy()
    #expect(policy.history?.frames == policy.configuration.world.historyFrames)
    #expect(try loaded.policy { $0.world.rolloutMemory = .shuffle }.plansDependOnBatch)
    #expect(throws: Failure.self) { try policy.actionChunk(for: batch(loaded, nil), random: rows) }
    let sound = try loaded.batch.require(WorldKey.history)
    let whole = try policy.actionChunk(for: batch(loaded, sound), random: rows)
    let broken = try sound.clone()
    try broken.select(dimension: 0, index: 0).copy(from: Tensor.full(Array(sound.shape.dropFirst()), .infinity))
    let plan = try policy.actionChunk(for: batch(loaded, broken), random: rows)
    func row(_ plan: Tensor, _ index: Int) throws -> Tensor { try plan.select(dimension: 0, index: index) }
    #expect(try row(plan, 0).isIdentical(to: row(wanted, 0)))
    #expect(try row(plan, 1).distance(to: row(whole, 1)) < 1e-6)
    #expect(try !row(plan, 1).isIdentical(to: row(wanted, 1)))
    #expect(policy.droppedMemories == 1)
  }

  @Test func `the prefix reads the memory once for all denoising steps`() throws {
    let loaded = try LoadedPolicyCase(PolicyCase.committed("prefix_injection/every_place"))
    let rows = addresses(try loaded.rows)
    final class Calls { var prefix = 0, suffix = 0, hidden = 0 }
    let calls = Calls()
    var refinement = Refinement()
    refinement.prefix = {
      calls.prefix += 1
      return $0
    }
    refinement.suffix = {
      calls.suffix += 1
      return $0
    }
    refinement.hidden = {
      calls.hidden += 1
      return $0
    }
    let baseline = try loaded.baseline()
    let plan = try baseline.actionChunk(for: batch(loaded, nil), random: rows) { _ in refinement }
    let steps = baseline.configuration.denoisingSteps
    #expect(calls.prefix == 1 && calls.suffix == steps && calls.hidden == steps && steps > 1)
    #expect(try plan.isIdentical(to: baseline.actionChunk(for: batch(loaded, nil), random: rows)))
  }

  @Test func `a closed place beside an open one reads nothing`() throws {
    let loaded = try LoadedPolicyCase(PolicyCase.committed("prefix_injection/every_place"))
    let rows = addresses(try loaded.rows)
    let history = try loaded.batch.require(WorldKey.history)
    func plan(_ scope: String, _ gate: Double) throws -> Tensor {
      let policy = try loaded.policy()
      let parameter = try #require(policy.parameters.parameters.first { $0.name == "model.\(scope).gate" })
      try withoutGradients { try parameter.tensor.copy(from: Tensor.full([], gate)) }
      return try policy.actionChunk(for: batch(loaded, history), random: rows)
    }
    let open = try loaded.policy().actionChunk(for: batch(loaded, history), random: rows)
    for scope in ["world_inject", "world_inject_suffix_in", "world_prefix_cross_attn"] {
      #expect(try plan(scope, 9e-7).isIdentical(to: plan(scope, 0)), "\(scope)")
      #expect(try !plan(scope, 0).isIdentical(to: open), "\(scope)")
    }
  }
}
