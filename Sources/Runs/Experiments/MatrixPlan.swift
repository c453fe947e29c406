import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// What a matrix was going to do before its first run, as `matrix.json` keeps it.
///
/// A verdict needs all of it: seeds that are added or left out after looking at results raise the rate of false verdicts.
public struct MatrixPlan: Sendable, Equatable {
  /// The arms and the training seeds.
  public let experiments: [String], seeds: [Int]
  /// Runs that were asked for later, when there may have been results.
  private(set) var added: [String]
  /// The comparison that the experiment is about; nil without a baseline or a treatment.
  private var primary: String?

  public init(experiments: [String], seeds: [Int]) {
    (self.experiments, self.seeds, added) = (experiments, seeds, [])
  }

  /// The plan of these arms; the first treatment against the baseline is the primary comparison.
  public init(_ arms: [Arm], seeds: [Int]) {
    self.init(experiments: arms.map(\.name), seeds: seeds)
    let (treatment, baseline) = (arms.first { $0.role == .treatment }, arms.first { $0.role == .baseline })
    primary = treatment.flatMap { treatment in baseline.map { "\(treatment.name) - \($0.name)" } }
  }

  /// The plan of the matrix whose folder is `root`; nil if none is registered there.
  ///
  /// - Throws: if the plan is damaged.
  init?(_ root: URL) throws {
    let file = root.appendingPathComponent("matrix.json")
    guard file.isThere, let plan = try JSON(contentsOf: file)["plan"] else { return nil }
    try self.init(plan, in: file)
  }

  init(_ plan: JSON, in file: URL) throws {
    let experiments = plan["experiments"]?.array ?? [], seeds = plan["seeds"]?.array ?? []
    let added = (plan["added_later"] ?? []).array
    let isName = { (text: String) in
      !text.isEmpty && text.allSatisfy { $0.isLetter || $0.isNumber || "_-".contains($0) }
    }
    let names = experiments.compactMap(\.string).filter(isName),
      numbers = seeds.compactMap(\.integer).filter { $0 >= 0 }
    let more = added?.compactMap(\.string).filter(isName)
    guard !names.isEmpty, names.count == experiments.count, !numbers.isEmpty, numbers.count == seeds.count, let more,
      more.count == added?.count
    else {
      throw Failure(
        "\(file.path): the plan is damaged: expected experiments and seeds, as the first start of the matrix wrote them; "
          + "restore the file")
    }
    (self.experiments, self.seeds, self.added) = (names, numbers, more)
    primary = plan["primary_comparison"]?.string
  }

  /// What the arms of the matrix in `root` are for.
  static func roles(_ root: URL) throws -> ArmRoles {
    let file = root.appendingPathComponent("matrix.json")
    let arms = file.isThere ? try JSON(contentsOf: file)["arms"]?.object ?? [:] : [:]
    return ArmRoles(try arms.map { try Arm($0.key, $0.value) })
  }

  /// The arms as `matrix.json` keeps them beside the plan.
  public static func json(_ arms: [Arm]) -> JSON {
    .object(OrderedDictionary(uniqueKeysWithValues: arms.map { ($0.name, $0.json) }))
  }

  /// `E0_seed0` and so on.
  var runs: [String] {
    experiments.flatMap { experiment in seeds.map { "\(experiment)_seed\($0)" } } + added
  }

  /// The plan with the runs of a later start added to it.
  func adding(_ later: MatrixPlan) -> MatrixPlan {
    var plan = self
    plan.added += later.runs.filter { !runs.contains($0) }
    return plan
  }

  /// The planned runs that have no whole evaluation yet.
  func lacking(in recorded: RecordedRuns) -> [String] {
    let whole = Set(recorded.runs.filter { (try? $0.wholeEvaluation()) != nil }.map(\.name))
    return runs.filter { !whole.contains($0) }
  }

  /// The plan as `matrix.json` keeps it, with the comparison that the experiment is about.
  public var json: JSON {
    var json: OrderedDictionary<String, JSON> = [
      "primary_comparison": primary.map(JSON.string) ?? .null, "experiments": .array(experiments.map(JSON.string)),
      "seeds": .array(seeds.map(JSON.integer)), "capacity_control_margin": .number(Comparison.controlMargin),
    ]
    if !added.isEmpty { json["added_later"] = .array(added.map(JSON.string)) }
    return .object(json)
  }
}
