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
  /// The looks before all runs are there; nil if there is to be none.
  private(set) var sequential: SequentialPlan?
  /// The comparison that the experiment is about, as `E2 - E0`; nil without a baseline or a treatment.
  private let primary: String?

  /// The plan of these arms; the first treatment against the baseline is the primary comparison.
  ///
  /// - Parameter isSequential: whether results are looked at after each seed.
  public init(_ arms: [Arm], seeds: [Int], isSequential: Bool = false) {
    (experiments, self.seeds, added) = (arms.map(\.name), seeds, [])
    sequential = isSequential ? SequentialPlan(seeds: seeds) : nil
    let (treatment, baseline) = (arms.first { $0.role == .treatment }, arms.first { $0.role == .baseline })
    primary = treatment.flatMap { treatment in baseline.map { Self.name(of: treatment.name, against: $0.name) } }
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
    guard let looks = plan["sequential"] else { return }
    sequential = SequentialPlan(seeds: numbers)
    guard looks == sequential?.json else {
      throw Failure("\(file.path): the plan's looks are not those of its \(numbers.count) seeds; restore the file")
    }
  }

  /// Whether a comparison is the one that the experiment is about.
  func isPrimary(_ comparison: Comparison) -> Bool {
    primary == Self.name(of: comparison.treatment, against: comparison.baseline)
  }

  private static func name(of treatment: String, against baseline: String) -> String { "\(treatment) - \(baseline)" }

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
  ///
  /// - Throws: if the later start wants other looks, which are decided before the first result.
  func adding(_ later: MatrixPlan) throws -> MatrixPlan {
    guard (sequential == nil) == (later.sequential == nil) else {
      throw Failure(
        "the matrix was \(sequential == nil ? "not " : "")registered with looks after each seed; start it \(sequential == nil ? "without" : "with") "
          + "`sequential`, or choose another folder")
    }
    var plan = self
    plan.added += later.runs.filter { !runs.contains($0) }
    return plan
  }

  /// The planned runs that have no whole evaluation yet.
  func lacking(in recorded: RecordedRuns) -> [String] {
    let whole = Set(recorded.runs.filter { (try? $0.wholeEvaluation()) != nil }.map(\.name))
    return runs.filter { !whole.contains($0) }
  }

  /// The look that the recorded runs allow; nil before the first, and without sequential looks.
  func look(in recorded: RecordedRuns) -> SequentialPlan.Look? {
    let lacking = Set(lacking(in: recorded))
    return sequential?.look { seed in experiments.allSatisfy { !lacking.contains("\($0)_seed\(seed)") } }
  }

  /// The plan as `matrix.json` keeps it, with the comparison that the experiment is about.
  public var json: JSON {
    var json: OrderedDictionary<String, JSON> = [
      "primary_comparison": primary.map(JSON.string) ?? .null, "experiments": .array(experiments.map(JSON.string)),
      "seeds": .array(seeds.map(JSON.integer)), "capacity_control_margin": .number(Comparison.controlMargin),
    ]
    if let sequential { json["sequential"] = sequential.json }
    if !added.isEmpty { json["added_later"] = .array(added.map(JSON.string)) }
    return .object(json)
  }
}
