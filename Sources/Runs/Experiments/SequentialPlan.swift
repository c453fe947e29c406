import ExperimentStatistics
import Foundation
import ModelFiles

/// Looks at a matrix before all of its runs are there, registered before the first of them.
///
/// With several seeds a look comes after each from the second on, in the order of the plan, at the level that a spending
/// function leaves it (``AlphaSpending``). With one seed two checkpoints are compared once, when their evaluations are
/// whole, by a test that would hold at any time (``PairedEProcess``); the number of episodes is registered like the seeds.
struct SequentialPlan: Sendable, Equatable {
  /// The planned training seeds, in their order.
  let seeds: [Int]

  /// One look: what has been seen, and the level for one comparison.
  struct Look: Sendable, Equatable {
    /// From 1.
    let number: Int, of: Int
    /// The seeds that count.
    let seeds: [Int], planned: Int
    let level: Double

    var json: JSON {
      [
        "number": .integer(number), "of": .integer(of), "seeds": .array(seeds.map(JSON.integer)),
        "level": .number(level),
      ]
    }

    private var isLast: Bool { number == of }

    /// For the page's head.
    var text: String {
      guard planned > 1 else {
        return
          "With one seed the verdict is on two checkpoints, by a test that holds however often one looks (an e-process), over the "
          + "registered number of episodes."
      }
      guard of > 1 else { return "With \(planned) seeds the only look is the last, when all runs are there, at 5 %." }
      let next =
        isLast
        ? "This is the last look."
        : "Stopping is allowed where there is a verdict; otherwise the next seed may be run."
      return "Look \(number) of \(of), after \(seeds.count) of \(planned) seeds: the level of this look is "
        + "\((level * 100).formatted(.number.precision(.fractionLength(2)))) %, so that all looks together announce a false difference "
        + "in at most 5 %. \(next)"
    }
  }

  private static let alpha = 0.05

  /// The look that the finished seeds allow; nil before the first.
  ///
  /// - Parameter isFinished: whether a seed's runs of all arms are evaluated.
  func look(isFinished: (Int) -> Bool) -> Look? {
    let finished = Array(seeds.prefix(while: isFinished))
    if seeds.count == 1 {
      return finished.isEmpty ? nil : Look(number: 1, of: 1, seeds: finished, planned: 1, level: Self.alpha)
    }
    let spending = AlphaSpending(seeds: seeds.count, alpha: Self.alpha)
    guard let index = spending.looks.firstIndex(of: finished.count) else { return nil }
    return Look(
      number: index + 1, of: spending.looks.count, seeds: finished, planned: seeds.count, level: spending.levels[index])
  }

  /// For `matrix.json`.
  var json: JSON {
    guard seeds.count > 1 else { return ["test": "e-process", "alpha": .number(Self.alpha)] }
    return [
      "spending_function": "pocock", "alpha": .number(Self.alpha),
      "looks_after_seeds": .array((2...seeds.count).map(JSON.integer)),
    ]
  }
}

extension MethodComparison {
  /// The interval at 95 % over all looks of a plan.
  func interval(at look: SequentialPlan.Look?) -> ClosedRange<Double> { interval(level: 1 - (look?.level ?? 0.05)) }

  /// Whether a control is equal: at a look its interval over all looks must lie within the margin.
  func equivalence(at look: SequentialPlan.Look?) -> EquivalenceTest {
    EquivalenceTest(self, margin: Comparison.controlMargin, alpha: look.map { $0.level / 2 } ?? 0.05)
  }
}
