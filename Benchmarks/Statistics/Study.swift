import CounterBasedRandom
import ExperimentStatistics
import Foundation

/// Many simulated experiments of one model, and what the rules answer in them.
struct Study: Sendable {
  /// Differences from the baseline in points: five arms without, as many as a full matrix has, and four with one.
  static let points = [0, 0, 0, 0, 0, 2, 5, 10, -5]
  static let nullArms = 0..<5
  /// Seeds per arm that are evaluated, and the looks of a sequential experiment.
  static let seedCounts = [2, 3, 5]
  static let looks = 2...6
  /// The margin of the equivalence test.
  static let margin = 5

  let name: String
  /// The standard deviation of the baseline's runs, as a share.
  let seedDeviation: Double
  let model: ExperimentModel
  private let arms: [SimulatedExperiment.Arm]
  private static let plans: [(shape: Tally.AlphaShape, plan: AlphaSpending)] = [
    (.pocock, AlphaSpending(seeds: looks.upperBound, shape: .pocock)),
    (.obrienFleming, AlphaSpending(seeds: looks.upperBound, shape: .obrienFleming)),
  ]
  /// By the number of comparisons that share the level, from one.
  private static let familyPlans = nullArms.map {
    AlphaSpending(seeds: looks.upperBound, alpha: 0.05 / Double($0 + 1))
  }

  init(_ name: String, seedDeviation: Double, armSeedDeviation: Double? = nil) {
    self.name = name
    self.seedDeviation = seedDeviation
    let model = ExperimentModel(seedDeviation: seedDeviation, armSeedDeviation: armSeedDeviation)
    self.model = model
    arms = Self.points.map {
      SimulatedExperiment.Arm(difference: Double($0) / 100, effect: model.effect(ofDifference: Double($0) / 100))
    }
  }

  /// Simulates `count` experiments on all processors; equal counts give equal results on any number of them.
  func run(_ count: Int) async throws -> Tally {
    let part = 250
    return try await withThrowingTaskGroup(of: Tally.self) { group in
      for start in stride(from: 0, to: count, by: part) {
        group.addTask {
          var tally = Tally()
          for index in start..<min(start + part, count) { try add(experiment(index), to: &tally) }
          return tally
        }
      }
      return try await group.reduce(into: Tally()) { $0.merge($1) }
    }
  }

  private func experiment(_ index: Int) -> SimulatedExperiment {
    let random = CountedRandom(seed: 0, name).at(index)
    return SimulatedExperiment(model, arms: arms, seeds: Self.looks.upperBound, random: random)
  }

  private func add(_ experiment: SimulatedExperiment, to tally: inout Tally) throws {
    for seeds in Self.seedCounts {
      var nulls: [MethodComparison] = []
      for (arm, points) in Self.points.enumerated() {
        let comparison = try experiment.comparison(arm: arm, seeds: seeds)
        comparison.count(in: &tally, points: points)
        if points == 0 { nulls.append(comparison) }
        // One null arm is enough for what takes time.
        if arm == 0 || points != 0 { comparison.countIntervals(in: &tally, points: points) }
      }
      let family = ComparisonFamily(nulls)
      tally.add(nulls.contains { $0.p < 0.05 }, .anyOfFive, seeds: seeds)
      tally.add(family.verdicts().contains { $0 != .methods(.cannotTell) }, .anyOfFiveWithHolm, seeds: seeds)
    }
    try addSequential(experiment, to: &tally)
    try addFamilyLooks(experiment, to: &tally)
    addCheckpoints(experiment, to: &tally)
  }

  private func addSequential(_ experiment: SimulatedExperiment, to tally: inout Tally) throws {
    let last = Self.looks.upperBound
    for (arm, points) in Self.points.enumerated() {
      let looks = try Self.looks.map { try experiment.comparison(arm: arm, seeds: $0) }
      tally.add(looks.contains { $0.isAnnounced() }, .announcedWithoutPlan, seeds: last, points: points)
      tally.add(looks[looks.count - 1].isAnnounced(points), .announced, seeds: last, points: points)
      for (shape, plan) in Self.plans {
        let stop = looks.first { plan.verdict(of: $0) != .methods(.cannotTell) }
        let isRight = stop.map { points == 0 || ($0.difference > 0) == (points > 0) } ?? false
        tally.add(isRight, .announcedSequentially(shape), seeds: last, points: points)
        tally.add(Double(stop?.bySeed.count ?? last), .seedsUsed(shape), seeds: last, points: points)
      }
    }
  }

  /// Five null arms at five looks, with Holm's steps at each.
  private func addFamilyLooks(_ experiment: SimulatedExperiment, to tally: inout Tally) throws {
    let last = Self.looks.upperBound
    let isAnnounced = try Self.looks.contains { look in
      let family = ComparisonFamily(try Self.nullArms.map { try experiment.comparison(arm: $0, seeds: look) })
      let verdicts = family.verdicts(atLook: look, of: last) { Self.familyPlans[$0 - 1] }
      return verdicts?.contains { $0 != .methods(.cannotTell) } ?? false
    }
    tally.add(isAnnounced, .anyOfFiveAtLooks, seeds: last)
  }

  /// The first seed's runs as two checkpoints, looked at after every ten episodes of each task.
  private func addCheckpoints(_ experiment: SimulatedExperiment, to tally: inout Tally) {
    for (arm, points) in Self.points.enumerated() where arm == 0 || points != 0 {
      var process = PairedEProcess()
      var (atLook, byEpisodes) = (false, false)
      var used = experiment.baselineEpisodes.count
      for index in 0..<experiment.baselineEpisodes.count {
        process.add(first: experiment.armEpisodes[arm][index], second: experiment.baselineEpisodes[index])
        if process.isDecided() { used = min(used, index + 1) }
        guard (index + 1).isMultiple(of: 10 * ExperimentModel.taskRates.count) else { continue }
        atLook = atLook || process.e >= 20
        let pairs = PairedSuccesses(
          both: 0, onlyFirst: process.onlyFirst, onlySecond: process.onlySecond, neither: index)
        byEpisodes = byEpisodes || pairs.p < 0.05
      }
      tally.add(atLook, .decidedAtLooks, seeds: 1, points: points)
      tally.add(process.isDecided(), .decidedAtAnyTime, seeds: 1, points: points)
      tally.add(byEpisodes, .announcedAtLooks, seeds: 1, points: points)
      tally.add(Double(used), .episodesUsed, seeds: 1, points: points)
    }
  }
}

extension MethodComparison {
  /// Whether the rule announces a difference, with the right sign if there is one.
  fileprivate func isAnnounced(_ points: Int = 0) -> Bool { p < 0.05 && hasSign(of: points) }

  private func hasSign(of points: Int) -> Bool { points == 0 || (difference > 0) == (points > 0) }

  fileprivate func count(in tally: inout Tally, points: Int) {
    let seeds = bySeed.count
    tally.add(isAnnounced(points), .announced, seeds: seeds, points: points)
    tally.add(pairs.p < 0.05 && hasSign(of: points), .announcedByEpisodes, seeds: seeds, points: points)
    tally.add((runs?.p() ?? 1) < 0.05 && hasSign(of: points), .announcedByRuns, seeds: seeds, points: points)
  }

  fileprivate func countIntervals(in tally: inout Tally, points: Int) {
    let seeds = bySeed.count
    let truth = Double(points) / 100
    tally.add(interval.contains(truth), .covered, seeds: seeds, points: points)
    tally.add(runs?.interval(level: 0.95).contains(truth) ?? false, .coveredByRuns, seeds: seeds, points: points)
    let contradicts = interval.contains(0) == (verdict() != .methods(.cannotTell))
    tally.add(contradicts, .intervalContradictsAnswer, seeds: seeds, points: points)
    let answer = EquivalenceTest(self, margin: Double(Study.margin) / 100).answer
    tally.add(answer == .equivalent, .equivalent, seeds: seeds, points: points)
    tally.add(answer == .different, .different, seeds: seeds, points: points)
  }
}
