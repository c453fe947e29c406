import ExperimentStatistics
import Foundation

/// Simulates experiments whose truth is known and prints how often each rule of `ExperimentStatistics` is right.
///
/// Ends with an error if a rate is not what the module's documentation promises. The first argument is the number of
/// experiments of each model; the ranges are meant for the default, fewer may fail by chance.
@main struct StatisticsSimulation {
  static func main() async throws {
    let count = CommandLine.arguments.dropFirst().first.flatMap(Int.init) ?? 10_000
    let clock = ContinuousClock()
    let start = clock.now
    print("\(count) experiments a row: 10 tasks of 60 … 98 %, 50 episodes each. All figures but the means are percent.")
    print(String(format: "Monte-Carlo error of 5 %%: ±%.1f (two standard errors).", errorOfFive(count)))
    var failed: [Bar] = []
    var tables = Tables()
    for deviation in [0, 1, 3, 5] {
      let study = Study("seed SD \(deviation)", seedDeviation: Double(deviation) / 100)
      let tally = try await study.run(count)
      let bars = Bars(study: study, tally: tally, count: count)
      failed += bars.all(seedDeviation: deviation).filter { !$0.holds }
      tables.add(study, tally, bars, deviation: "\(deviation)")
    }
    let uneven = Study("seed SD 2 and 6", seedDeviation: 0.02, armSeedDeviation: 0.06)
    tables.addUneven(try await uneven.run(count), deviation: "2, arm 6")
    print(tables.text)
    print("\nTook \(start.duration(to: clock.now).formatted(.units(allowed: [.minutes, .seconds]))).")
    for bar in failed { print("FAILED \(bar.line)") }
    if !failed.isEmpty { exit(1) }
    print("Every rate is in its range.")
  }

  private static func errorOfFive(_ count: Int) -> Double { 200 * (0.05 * 0.95 / Double(count)).squareRoot() }
}
