import Foundation
import Testing

/// The numbers of SciPy and statsmodels, written by `oracle/goldens/experiment_statistics.py`.
struct StatisticsGoldens: Decodable {
  struct NormalValue: Decodable { let x, cdf: Double }
  struct Quantile: Decodable { let p, x: Double }
  struct TValue: Decodable { let df, x, cdf, density, twoSided: Double }
  struct TQuantile: Decodable { let df, p, x: Double }
  struct NoncentralT: Decodable {
    let seeds: Int
    let shift, power: Double
  }
  struct Wilson: Decodable {
    let successes, episodes: Int
    let level, lower, upper: Double
  }
  struct Pooled: Decodable {
    let first, second, interval95, interval90: [Double]
    let margin, df, p, pAbove, pBelow: Double
  }
  struct Holm: Decodable { let p, adjusted: [Double] }
  struct Mixture: Decodable {
    let wins, losses: Int
    let prior, logE: Double
  }
  struct Scores: Decodable {
    let first, second: [[Double]]
    let interquartileMean, improvement: Double
  }
  struct Paired: Decodable {
    let table: [Int]
    let difference, lower, upper, lower90, upper90, p: Double
    let visible: Double?
  }

  let normal: [NormalValue], normalQuantiles: [Quantile]
  let t: [TValue], tQuantiles: [TQuantile], noncentralT: [NoncentralT]
  let wilson: [Wilson], pooledT: [Pooled], holm: [Holm], eProcess: [Mixture], scores: [Scores]

  static func read() throws -> StatisticsGoldens { try read("statistics") }

  static func paired() throws -> [Paired] { try read("paired") }

  private static func read<Value: Decodable>(_ name: String) throws -> Value {
    let url = try #require(Bundle.module.url(forResource: name, withExtension: "json", subdirectory: "Goldens"))
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    return try decoder.decode(Value.self, from: Data(contentsOf: url))
  }
}

/// Whether two numbers agree relative to the larger.
func agree(_ one: Double, _ other: Double, to tolerance: Double = 1e-10) -> Bool {
  abs(one - other) <= tolerance * max(abs(one), abs(other))
}
