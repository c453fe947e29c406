extension Finding {
  /// Whether a run whose gate was held closed trained exactly as the baseline with its seed; nil for other runs.
  ///
  /// With equal batches and noise the two action losses are equal to the last bit at every step, or the comparison of the
  /// arms is of more than the memory.
  static func heldGate(_ run: RecordedRun, in runs: RecordedRuns) -> Finding? {
    guard let policy = run.policy, policy["enable_world_injection"]?.bool == false,
      policy["world_inject_suffix_in"]?.bool != true, policy["world_prefix_cross_attn"]?.bool != true,
      (policy["world_prefix_tokens"]?.integer ?? 0) == 0, let own = run.metrics?.curves["loss"],
      let baseline = runs.runs(of: runs.roles.baseline).first(where: { $0.seed == run.seed }),
      let losses = baseline.metrics?.curves["loss"].map({ Dictionary($0.map { ($0.step, $0.value) }) { $1 } })
    else { return nil }
    let common = own.filter { losses[$0.step] != nil }
    guard let last = common.last else { return nil }
    guard let different = common.first(where: { losses[$0.step] != $0.value }) else {
      return Finding(
        headline: "With its gate held closed, \(run.name) trains exactly as \(baseline.name).",
        detail:
          "Their action losses are equal to the last bit in all \(common.count) logged steps up to \(Int(last.step)).")
    }
    return Finding(
      headline:
        "\(run.name) trains differently from \(baseline.name) although its gate was held closed: investigate this.",
      detail: "Their action losses differ from the logged step \(Int(different.step)) on.")
  }
}
