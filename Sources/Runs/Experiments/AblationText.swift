import ExperimentStatistics
import Failures
import ModelFiles

/// Ablations in words.
enum AblationText {
  private static let memories = [
    ("pred", "with the predicted memory"), ("zero", "with a memory of zeros"),
    ("random", "with random numbers as memory"),
    ("random_scaled", "with random numbers of the prediction's size as memory"),
    ("shuffle", "with the memory of another episode"), ("signflip", "with fixed signs of its memory flipped"),
  ]
  private static let others = [
    ("contrary_instruction", "told the contrary instruction, the original goal counting"),
    ("garbled_instruction", "told an instruction whose letters are exchanged"),
    ("blank_images", "with gray images from all cameras"), ("blank_image", "with gray images from the camera #"),
    ("state_noise", "with noise on its state of # × its standard deviation in the training data"),
  ]

  /// Memories first, then instructions, images and the state; names of a kind by alphabet.
  static func rank(of name: String) -> (Int, String) {
    let kind = name.prefix { $0 != "." }
    return ((memories + others).firstIndex { $0.0 == kind } ?? memories.count + others.count, name)
  }

  /// `with gray images from the camera image2`, to follow or to precede what happens then.
  static func condition(_ name: String) -> String {
    let kind = name.prefix { $0 != "." }
    guard let text = (memories + others).first(where: { $0.0 == kind })?.1 else { return "under \(name)" }
    // The name's parameter in the place of #; noise without one is of one deviation.
    return text.replacing("#", with: kind == name ? "1" : name.dropFirst(kind.count + 1))
  }
}

extension AblationStudy {
  /// What a condition shows of the checkpoint, in a sentence that the statistics support.
  func finding(_ condition: Condition) -> Finding {
    let text = AblationText.condition(condition.name)
    let start = text.prefix(1).uppercased() + text.dropFirst()
    let pairs: PairedSuccesses
    do { pairs = try condition.result.get() } catch {
      return Finding(headline: "\(start): not compared.", detail: message(of: error))
    }
    let dropped = condition.evaluation.setting("dropped_memories")?.integer ?? 0
    let lost = dropped > 0 ? " \(dropped) memories were not finite and were not used." : ""
    let floor = pairs.second.successes == 0 ? " Without ablation none reaches the goal, so nothing could be lost." : ""
    let reservations = floor + lost
    guard condition.changedEpisodes > 0 else {
      return Finding(
        headline: "\(start), all \(pairs.count) episodes end as they do without.",
        detail: "Each has the same outcome after the same number of steps." + reservations)
    }
    let p = condition.adjustedP ?? 1
    let figures =
      "\(pairs.difference.points) points, 95 % interval \(pairs.interval.points), exact McNemar p over all conditions "
      + "(Holm) \(p < 0.001 ? "" : "= ")\(p.probability); \(condition.changedEpisodes) of \(pairs.count) episodes end "
      + "otherwise or after another number of steps."
    guard p >= 0.05 else {
      let word = pairs.difference < 0 ? "less" : "more"
      return Finding(headline: "\(start), this checkpoint reaches the goal \(word) often.", detail: figures + lost)
    }
    let visible = pairs.smallestVisibleDifference.map {
      " With as many episodes that disagree as often, McNemar's test without Holm's adjustment rejects equality in 80 % of "
        + "repetitions only from a true difference of about \(Int(($0 * 100).rounded(.up))) points on."
    }
    return Finding(
      headline: "\(start), these episodes do not show that this checkpoint does better or worse.",
      detail: figures + (visible ?? "") + reservations)
  }

  /// The rollouts and their differences, for a terminal.
  public func table() -> String {
    let heads = ["condition", "success", "95 % interval", "episodes", "difference", "95 % interval", "p (Holm)"]
    func cells(_ name: String, _ rate: SuccessRate) -> [String] {
      [name, rate.share.percent + " %", rate.interval.percent, "\(rate.successes)/\(rate.episodes)"]
    }
    let rows = conditions.map { condition -> [String] in
      let pairs = try? condition.result.get()
      return cells(condition.name, condition.evaluation.rate) + [
        pairs?.difference.points ?? "–", pairs?.interval.points ?? "–", condition.adjustedP?.probability ?? "–",
      ]
    }
    let lines = TextTable([heads, cells("without ablation", unablated.rate) + ["", "", ""]] + rows).lines
    return
      (lines + [""] + conditions.map { finding($0).text }
      + ["This is about one checkpoint: another training run of the same method may use other things."])
      .joined(separator: "\n")
  }

  /// The study as JSON, with rates and differences as fractions, −1 … 1.
  public var json: JSON {
    [
      "unit": "checkpoint", "model_sha256": unablated.setting("model_sha256") ?? .null,
      "unablated": unablated.rate.json,
      "conditions": .array(
        conditions.map { condition in
          let pairs = try? condition.result.get()
          return [
            "name": .string(condition.name), "success": condition.evaluation.rate.json,
            "paired": pairs?.json ?? .null,
            "mcnemar_p_holm": condition.adjustedP.map(JSON.number) ?? .null,
            "changed_episodes": .integer(condition.changedEpisodes), "finding": .string(finding(condition).text),
          ]
        }),
    ]
  }
}
