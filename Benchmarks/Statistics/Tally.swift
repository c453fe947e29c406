import Foundation

/// Means over simulated experiments, by what was measured and in which cell.
struct Tally: Sendable {
  /// What is averaged: rates of events, unless the name says otherwise.
  enum Measure: Hashable, Sendable {
    case announced, announcedByEpisodes, announcedByRuns
    case covered, coveredByRuns, intervalContradictsAnswer
    case anyOfFive, anyOfFiveWithHolm, anyOfFiveAtLooks
    case announcedSequentially(AlphaShape), seedsUsed(AlphaShape), announcedWithoutPlan
    case equivalent, different
    case decidedAtLooks, decidedAtAnyTime, announcedAtLooks, episodesUsed
  }

  enum AlphaShape: Hashable, Sendable, CaseIterable {
    case pocock, obrienFleming
  }

  struct Cell: Hashable, Sendable {
    let measure: Measure
    /// Training seeds per arm.
    let seeds: Int
    /// The true difference in points.
    let points: Int
  }

  private var sums: [Cell: (sum: Double, count: Int)] = [:]

  mutating func add(_ value: Double, _ measure: Measure, seeds: Int, points: Int = 0) {
    sums[Cell(measure: measure, seeds: seeds, points: points), default: (0, 0)].sum += value
    sums[Cell(measure: measure, seeds: seeds, points: points), default: (0, 0)].count += 1
  }

  mutating func add(_ event: Bool, _ measure: Measure, seeds: Int, points: Int = 0) {
    add(event ? 1 : 0, measure, seeds: seeds, points: points)
  }

  /// The mean; NaN for a cell without values.
  func mean(_ measure: Measure, seeds: Int, points: Int = 0) -> Double {
    guard let entry = sums[Cell(measure: measure, seeds: seeds, points: points)] else { return .nan }
    return entry.sum / Double(entry.count)
  }

  /// The mean in percent.
  func percent(_ measure: Measure, seeds: Int, points: Int = 0) -> Double {
    100 * mean(measure, seeds: seeds, points: points)
  }

  mutating func merge(_ other: Tally) {
    for (cell, entry) in other.sums {
      sums[cell, default: (0, 0)].sum += entry.sum
      sums[cell, default: (0, 0)].count += entry.count
    }
  }
}
