import LibTorch
import NeuralNetworks
import OrderedCollections
import SmolVLA

/// The places where a memory can enter SmolVLA, each behind a gate of its own.
///
/// | setting | reads the memory | parameters, below `model.` | log keys end in |
/// |---|---|---|---|
/// | `enable_world_injection` (the default) | hidden states after the expert | `world_inject` | nothing |
/// | `world_inject_suffix_in` | the actions' embeddings before the expert | `world_inject_suffix_in` | `_suffix_in` |
/// | `world_prefix_tokens` | state and actions, or all, as tokens of the prefix | `world_prefix_tokens` | `_prefix` |
/// | `world_prefix_cross_attn` | images, language and state as embedded | `world_prefix_cross_attn` | `_prefix_cross` |
///
/// They compose, as their gates tell them apart, but for the last two, which both change the prefix.
public struct WorldFusion {
  /// It exists also where it is switched off, so that checkpoints keep their keys; the others do not.
  let injection: GatedWorldInjection
  let suffixInjection: GatedWorldInjection?
  let prefixTokens: WorldPrefixTokens?
  let prefixInjection: GatedWorldInjection?
  private let isInjectionEnabled: Bool

  init(
    _ model: ParameterScope, _ configuration: WorldModalityConfiguration, expertWidth: Int, languageWidth: Int
  ) throws {
    func injection(_ scope: String, width: Int, heads: Int, gate: Double) throws -> GatedWorldInjection {
      try GatedWorldInjection(
        model[scope], latentDimension: configuration.worldLatentDimension, width: width, heads: heads, gate: gate)
    }
    func expertInjection(_ scope: String) throws -> GatedWorldInjection {
      try injection(
        scope, width: expertWidth, heads: configuration.injectionHeads, gate: configuration.gateInitialization)
    }
    isInjectionEnabled = configuration.isInjectionEnabled
    self.injection = try expertInjection("world_inject")
    suffixInjection = configuration.isSuffixInjectionEnabled ? try expertInjection("world_inject_suffix_in") : nil
    prefixTokens =
      configuration.prefixTokens > 0
      ? try WorldPrefixTokens(model["world_prefix_tokens"], configuration, width: languageWidth) : nil
    prefixInjection =
      configuration.isPrefixInjectionEnabled
      ? try injection(
        "world_prefix_cross_attn", width: languageWidth, heads: configuration.prefixHeads,
        gate: configuration.prefixGateInitialization) : nil
  }

  /// The places that have parameters, by the name of their scope and the end of their log keys.
  var places: [(scope: String, suffix: String, gate: WorldGate)] {
    [
      ("world_inject", "", injection.gate), ("world_inject_suffix_in", "_suffix_in", suffixInjection?.gate),
      ("world_prefix_tokens", "_prefix", prefixTokens?.gate),
      ("world_prefix_cross_attn", "_prefix_cross", prefixInjection?.gate),
    ].compactMap { scope, suffix, gate in gate.map { (scope, suffix, $0) } }
  }

  /// The scopes of the places that are switched on and whose gates let something in.
  func openPlaces() throws -> Set<String> {
    let enabled = places.filter { isInjectionEnabled || $0.scope != "world_inject" }
    return try Set(enabled.filter { try !$0.gate.isClosed() }.map(\.scope))
  }

  /// What reading a memory [B, K, D] changes.
  ///
  /// - Parameters:
  ///   - usable: bool [B, 1, 1], rows that may be read; the others stay SmolVLA's, bit for bit. Nil where all may.
  ///   - open: the places that read, in a rollout ``openPlaces()``; nil for all, as in training, where closed gates need
  ///     a gradient.
  ///   - log: gathers statistics of what is read.
  func refinement(
    reading memory: Tensor, usable: Tensor? = nil, only open: Set<String>? = nil, log: FusionLog? = nil
  ) throws -> Refinement {
    var refinement = Refinement()
    func reads(_ scope: String) -> Bool { open?.contains(scope) ?? true }
    func change(_ injection: GatedWorldInjection?, _ scope: String, _ suffix: String) -> Refinement.Change? {
      guard let injection, reads(scope) else { return nil }
      return { hidden in
        let changed = try injection.reading(memory, from: hidden, log, suffix)
        return try usable.map { try Tensor.where($0, then: changed, else: hidden.to(.float32)) } ?? changed
      }
    }
    if isInjectionEnabled { refinement.hidden = change(injection, "world_inject", "") }
    refinement.suffix = change(suffixInjection, "world_inject_suffix_in", "_suffix_in")
    refinement.prefix = change(prefixInjection, "world_prefix_cross_attn", "_prefix_cross")
    if let prefixTokens, reads("world_prefix_tokens") {
      let tokens = try prefixTokens(memory, usable: usable)
      refinement.tokens = tokens
      try log?.add(["world_ctx_norm_prefix": tokens.embeddings.detached().norm(dimensions: [-1]).mean()])
    }
    return refinement
  }
}

/// Gathers what the places of a fusion log in a training step.
final class FusionLog {
  private(set) var metrics: OrderedDictionary<String, Tensor> = [:]

  func add(_ more: OrderedDictionary<String, Tensor>) { metrics.merge(more) { $1 } }
}

extension GatedWorldInjection {
  fileprivate func reading(
    _ memory: Tensor, from hidden: Tensor, _ log: FusionLog?, _ suffix: String
  ) throws -> Tensor {
    guard let log else { return try self(hidden, memory) }
    let (changed, diagnostics) = try withDiagnostics(hidden, memory)
    log.add(diagnostics.metrics(suffix))
    return changed
  }
}
