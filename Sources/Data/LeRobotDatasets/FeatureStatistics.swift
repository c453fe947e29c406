import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// Statistics of one feature over an episode or a dataset, entry by entry.
public struct FeatureStatistics: Sendable, Equatable {
  /// The shape that every statistic has: the feature's, or `[3, 1, 1]` for images, whose values lie in [0, 1].
  public let shape: [Int]
  public let count: Int
  /// Smallest, largest and mean value and (population) standard deviation, flat.
  public let minimum: [Double], maximum: [Double], mean: [Double], standardDeviation: [Double]
  /// `q01`, `q10`, `q50`, `q90`, `q99`, flat; what the file has.
  public let quantiles: OrderedDictionary<String, [Double]>

  static let levels: [(name: String, share: Double)] = [
    ("q01", 0.01), ("q10", 0.1), ("q50", 0.5), ("q90", 0.9), ("q99", 0.99),
  ]

  /// The statistics with LeRobot's names, in its order.
  public var named: [(name: String, values: [Double])] {
    [("min", minimum), ("max", maximum), ("mean", mean), ("std", standardDeviation), ("count", [Double(count)])]
      + quantiles.map { ($0.key, $0.value) }
  }

  /// Joins the statistics of parts: mean and variance by counts exactly (Chan, Golub and LeVeque, 1979), quantiles as
  /// the count-weighted mean of the parts', which is LeRobot's estimate.
  ///
  /// - Throws: if there are no parts or their shapes differ.
  public static func aggregate(_ parts: [FeatureStatistics]) throws -> FeatureStatistics {
    guard let first = parts.first, parts.allSatisfy({ $0.shape == first.shape }) else {
      throw Failure("statistics of \(Set(parts.map(\.shape)).count) different shapes cannot be joined")
    }
    let total = Double(parts.reduce(0) { $0 + $1.count })
    let entries = first.mean.indices
    func weighted(_ values: (FeatureStatistics) -> [Double]) -> [Double] {
      entries.map { entry in parts.reduce(0) { $0 + values($1)[entry] * Double($1.count) } / total }
    }
    let mean = weighted(\.mean)
    let variance = weighted { part in
      entries.map { pow(part.standardDeviation[$0], 2) + pow(part.mean[$0] - mean[$0], 2) }
    }
    var quantiles: OrderedDictionary<String, [Double]> = [:]
    for name in first.quantiles.keys where parts.allSatisfy({ $0.quantiles[name] != nil }) {
      quantiles[name] = weighted { $0.quantiles[name] ?? [] }
    }
    return FeatureStatistics(
      shape: first.shape, count: Int(total),
      minimum: entries.map { entry in parts.map { $0.minimum[entry] }.min() ?? 0 },
      maximum: entries.map { entry in parts.map { $0.maximum[entry] }.max() ?? 0 },
      mean: mean, standardDeviation: variance.map { $0.squareRoot() }, quantiles: quantiles)
  }
}

extension FeatureStatistics {
  /// Reads one feature of `meta/stats.json`; a scalar counts as one entry.
  init(_ json: JSON, name: String, file: String) throws {
    func values(_ key: String) throws -> (flat: [Double], shape: [Int])? {
      guard let found = json[key] else { return nil }
      guard let result = Self.flatten(found) else {
        throw Failure("expected an array of numbers under \(name)/\(key) in \(file)")
      }
      return result
    }
    guard let mean = try values("mean"), let deviation = try values("std") else {
      throw Failure("expected \"mean\" and \"std\" of \(name) in \(file)")
    }
    shape = mean.shape
    self.mean = mean.flat
    standardDeviation = deviation.flat
    minimum = try values("min")?.flat ?? mean.flat
    maximum = try values("max")?.flat ?? mean.flat
    guard let count = Int(exactly: try values("count")?.flat.first ?? 0), (0...1 << 40).contains(count) else {
      throw Failure("expected an integer under \(name)/count in \(file)")
    }
    self.count = count
    var quantiles: OrderedDictionary<String, [Double]> = [:]
    for level in Self.levels { quantiles[level.name] = try values(level.name)?.flat }
    self.quantiles = quantiles
    guard named.allSatisfy({ $0.name == "count" || $0.values.count == mean.flat.count }) else {
      throw Failure("the statistics of \(name) in \(file) have different shapes")
    }
  }

  private static func flatten(_ json: JSON) -> (flat: [Double], shape: [Int])? {
    if let number = json.double ?? json.bool.map({ $0 ? 1 : 0 }) { return ([number], []) }
    guard let elements = json.array else { return nil }
    let parts = elements.compactMap(flatten)
    guard parts.count == elements.count, parts.allSatisfy({ $0.shape == parts[0].shape }) else { return nil }
    return (parts.flatMap(\.flat), [parts.count] + (parts.first?.shape ?? []))
  }

  /// The feature's entry of `meta/stats.json`; extremes keep the feature's own type, as LeRobot leaves them.
  func json(_ type: DatasetFeature.DataType) -> JSON {
    var members: OrderedDictionary<String, JSON> = [:]
    for (name, values) in named {
      if name == "count" {
        members[name] = [.integer(count)]
      } else {
        let isExtreme = name == "min" || name == "max"
        var nested = values.map { value -> JSON in
          guard isExtreme else { return .number(value) }
          switch type {
          case .bool: return .bool(value != 0)
          case .int8, .int16, .int32, .int64, .uint8: return .integer(Int(value))
          default: return .number(value)
          }
        }
        for size in shape.dropFirst().reversed() where size > 0 {
          nested = stride(from: 0, to: nested.count, by: size).map { .array(Array(nested[$0..<$0 + size])) }
        }
        members[name] = .array(nested)
      }
    }
    return .object(members)
  }
}
