extension ComparisonFamily {
  /// Holm's adjusted p of the evidence on two checkpoints each, which holds at any time.
  public var adjustedEvidenceP: [Double] { holm(comparisons.map { $0.evidence?.p ?? 1 }) }

  /// The verdicts at a look of a sequential plan; nil where no look was planned.
  ///
  /// Holm's steps with the level of each step's share of alpha: the smallest p of m comparisons is held against the look's
  /// level for alpha / m, the next against that for alpha / (m − 1), and so on to the first that is not below (Maurer and
  /// Bretz, 2013). The probability that any false difference is announced at any look is at most `alpha`.
  ///
  /// - Parameters:
  ///   - look: the seeds per arm so far.
  ///   - seeds: the seeds per arm at the last look; with one, checkpoints are compared by their evidence, whose p holds at
  ///     any time.
  ///   - plan: how `alpha` divided by a number of comparisons is spent; nil computes it, which takes a while.
  public func verdicts(
    atLook look: Int, of seeds: Int, alpha: Double = 0.05, plan: ((_ comparisons: Int) -> AlphaSpending)? = nil
  ) -> [Verdict]? {
    if seeds == 1 {
      return zip(comparisons, adjustedEvidenceP).map { $0.verdict(p: $1, alpha: alpha) }
    }
    var verdicts = comparisons.map { $0.verdict(p: 1, alpha: alpha) }
    let order = comparisons.indices.sorted { comparisons[$0].p < comparisons[$1].p }
    for (rank, index) in order.enumerated() {
      let remaining = order.count - rank
      let spending = plan?(remaining) ?? AlphaSpending(seeds: seeds, alpha: alpha / Double(remaining))
      guard let level = spending.level(afterSeeds: look) else { return nil }
      guard comparisons[index].p < level else { break }
      verdicts[index] = comparisons[index].verdict(alpha: level)
    }
    return verdicts
  }
}
