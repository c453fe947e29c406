import Foundation
import ModelFiles

/// What a matrix was going to do before its first run, as `matrix.json` keeps it.
///
/// A verdict needs all of it: seeds that are added or left out after looking at results raise the rate of false verdicts.
public struct MatrixPlan: Sendable, Equatable {
  /// The arms and the training seeds.
  public let experiments: [String], seeds: [Int]
  /// Runs that were asked for later, when there may have been results.
  let added: [String]

  public init(experiments: [String], seeds: [Int]) {
    (self.experiments, self.seeds, added) = (experiments, seeds, [])
  }

  /// The plan of the matrix whose folder is `root`; nil if none is registered there.
  init?(_ root: URL) throws {
    let file = root.appendingPathComponent("matrix.json")
    guard file.isThere, let plan = try JSON(contentsOf: file)["plan"] else { return nil }
    experiments = plan["experiments"]?.array?.compactMap(\.string) ?? []
    seeds = plan["seeds"]?.array?.compactMap(\.integer) ?? []
    added = plan["added_later"]?.array?.compactMap(\.string) ?? []
  }

  /// `E0_seed0` and so on.
  var runs: [String] {
    experiments.flatMap { experiment in seeds.map { "\(experiment)_seed\($0)" } } + added
  }

  /// The plan that `earlier` is when the runs of `now` are asked for too.
  static func amended(_ earlier: JSON, by now: JSON) -> JSON {
    guard var members = earlier.object else { return now }
    func runs(_ plan: JSON) -> [String] {
      let seeds = plan["seeds"]?.array?.compactMap(\.integer) ?? []
      return (plan["experiments"]?.array?.compactMap(\.string) ?? []).flatMap { arm in seeds.map { "\(arm)_seed\($0)" }
      }
    }
    let known = earlier["added_later"]?.array?.compactMap(\.string) ?? []
    let added = known + runs(now).filter { !(runs(earlier) + known).contains($0) }
    if !added.isEmpty { members["added_later"] = .array(added.map(JSON.string)) }
    return .object(members)
  }

  /// The planned runs that have no whole evaluation yet.
  func lacking(in recorded: RecordedRuns) -> [String] {
    let whole = Set(recorded.runs.filter { (try? $0.wholeEvaluation()) != nil }.map(\.name))
    return runs.filter { !whole.contains($0) }
  }

  /// The plan as `matrix.json` keeps it, with the comparison that the experiment is about.
  public var json: JSON {
    [
      "primary_comparison": "E2 - E0", "experiments": .array(experiments.map(JSON.string)),
      "seeds": .array(seeds.map(JSON.integer)), "capacity_control_margin": .number(Comparison.controlMargin),
    ]
  }
}
