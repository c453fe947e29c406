import Foundation

/// What the training curves of one arm show of its world modality.
struct TrainingFindings {
  /// The arm, or its only run, which says nothing of another seed.
  private let subject: String
  /// The runs that read a predicted or a recorded memory.
  private let runs: [RecordedRun]

  /// Nil for an arm without a world modality, or with a memory of zeros.
  init?(_ experiment: String, in recorded: RecordedRuns) {
    runs = recorded.runs(of: experiment).filter { run in
      guard run.policy?["world_memory_mode_train"]?.string != "zero", let curves = run.metrics?.curves else {
        return false
      }
      return curves["world_cos"] != nil || curves.keys.contains(where: \.isGate)
    }
    guard let first = runs.first else { return nil }
    subject = runs.count == 1 ? first.name : experiment
  }

  /// Whether the Prophet learned, and what the gate's last value means.
  var all: [Finding] { [prediction].compactMap(\.self) + gates }

  private func curves(_ key: String) -> [[RecordedMetrics.Point]] {
    runs.compactMap { $0.metrics?.curves[key] }.filter { !$0.isEmpty }
  }

  private var prediction: Finding? {
    let logged = curves("world_cos")
    guard !logged.isEmpty else { return nil }
    let changes = logged.compactMap(CurveChange.init)
    guard changes.count == logged.count else {
      return Finding(
        headline: "Too little was logged to say whether the Prophet of \(subject) learns to predict.",
        detail: "Twenty logged values are needed.")
    }
    let clear = changes.filter { $0.isClear && $0.change > 0 }
    let last = changes.map(\.last).reduce(0, +) / Double(changes.count)
    let figures = changes.map { "\($0.first.short) → \($0.last.short)" }.joined(separator: ", ")
    let rule =
      "Mean cosine of predicted and true latents in the first and the last tenth of training\(several): \(figures). "
      + "A rise counts if it exceeds the curve's own swings between blocks at 95 %"
      + (changes.count > 1 ? ", and if the runs agree on it (t test)." : ".")
    return Finding(headline: headline(changes, clear, last), detail: rule)
  }

  private func headline(_ changes: [CurveChange], _ clear: [CurveChange], _ last: Double) -> String {
    let isCommon = clear.count == changes.count && CurveChange.agree(changes.map(\.change))
    switch (isCommon, last > 0.2) {
    case (true, true): return "The Prophet of \(subject) learned to predict."
    case (true, false):
      return
        "The Prophet of \(subject) improved, but its predictions are still nearly unrelated to what comes: a cosine of \(last.short)."
    case (false, _):
      if clear.count == changes.count, changes.count > 1 {
        return
          "The Prophet of \(subject) predicts better at the end of each of its \(changes.count) runs, which are too few or too "
          + "different to say so of the method."
      }
      return clear.isEmpty || changes.count == 1
        ? "Nothing shows that the Prophet of \(subject) learned to predict."
        : "The runs of \(subject) do not agree that the Prophet learned to predict: it rose in \(clear.count) of \(changes.count)."
    }
  }

  /// One finding for each gate that was logged; a policy has one for each place where its memory enters.
  private var gates: [Finding] {
    let keys = Set(runs.flatMap { run in (run.metrics?.curves.keys.filter(\.isGate)).map(Array.init) ?? [] }).sorted()
    return keys.compactMap { gate($0, name: keys.count == 1 ? "gate" : $0) }
  }

  private func gate(_ key: String, name: String) -> Finding? {
    let ends = curves(key).compactMap(\.last?.value)
    guard let widest = ends.map({ abs($0) }).max() else { return nil }
    let values = ends.map(\.short).joined(separator: ", ")
    let headline: String
    switch widest {
    // Below this the policy does not compute its memory.
    case ..<1e-6: headline = "The \(name) of \(subject) is closed: it acts exactly as without a memory."
    case ..<0.01: headline = "The \(name) of \(subject) is almost closed: it acts nearly as without a memory."
    case ..<0.1: headline = "The \(name) of \(subject) is slightly open."
    case ..<0.5: headline = "The \(name) of \(subject) is partly open."
    default: headline = "The \(name) of \(subject) is wide open."
    }
    let consequence =
      widest < 0.01
      ? " A difference to an arm without a memory is hardly the memory's doing; it is that of another training run."
      : ""
    return Finding(
      headline: headline,
      detail:
        "tanh(gate) ends at \(values)\(several). What the action expert reads of its memory is added to its hidden state "
        + "times that factor: 0 adds nothing, ±1 all of it.\(consequence)")
  }

  private var several: String { runs.count > 1 ? ", by seed" : "" }
}

extension String {
  /// Whether a logged value is the opening of a gate, `world_gate` or, of another place, `world_gate_…`.
  var isGate: Bool { hasPrefix("world_gate") }
}
