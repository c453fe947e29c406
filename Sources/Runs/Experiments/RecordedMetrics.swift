import Failures
import Foundation
import ModelFiles

/// A run's `metrics.jsonl`: what was logged, by key, over the steps.
struct RecordedMetrics: Sendable {
  struct Point: Sendable, Equatable {
    var step: Double, value: Double
  }

  /// Points in the order of their steps; values that are not finite numbers are left out.
  let curves: [String: [Point]]
  let lineCount: Int
  /// Whether the last line is incomplete, as a killed run leaves it.
  let isCutOff: Bool

  /// Reads the file; a damaged line is an error that names it, unless the file ends there.
  init(_ url: URL) throws {
    let bytes = try fileContents(url)
    let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    var curves: [String: [Point]] = [:]
    var cutOff = false
    var count = 0
    var lastStep = -1
    for (index, line) in lines.enumerated() where line.contains(where: { $0 > 0x20 }) {
      let location = "\(url.path), line \(index + 1)"
      let json: JSON
      do { json = try JSON(parsing: Array(line)) } catch let error as JSONError {
        // A last line without a line feed is incomplete.
        cutOff = index == lines.count - 1
        if cutOff { break }
        throw Failure("\(location): expected a JSON object, but column \(error.column): \(error.message)")
      }
      guard let values = json.object, let step = json["step"]?.integer, (0...1_000_000_000_000).contains(step) else {
        throw Failure("\(location): expected an object with an integer \"step\" from 0 to 10^12")
      }
      guard step > lastStep else {
        throw Failure("\(location): step \(step) follows step \(lastStep); expected increasing steps")
      }
      lastStep = step
      count += 1
      for (key, value) in values where key != "step" {
        guard let value = value.double, value.isFinite else { continue }
        curves[key, default: []].append(Point(step: Double(step), value: value))
      }
    }
    self.curves = curves
    lineCount = count
    isCutOff = cutOff
  }
}

extension [RecordedMetrics.Point] {
  /// At most `count` points: means of equal stretches of the curve.
  func thinned(to count: Int) -> [RecordedMetrics.Point] {
    guard self.count > count, count > 0 else { return self }
    return (0..<count).map { bucket in
      let stretch = self[bucket * self.count / count..<(bucket + 1) * self.count / count]
      let n = Double(stretch.count)
      return RecordedMetrics.Point(
        step: stretch.map(\.step).reduce(0, +) / n, value: stretch.map(\.value).reduce(0, +) / n)
    }
  }

  /// Each point's mean with its neighbors, `reach` on either side or as many as there are.
  func smoothed(reach: Int) -> [RecordedMetrics.Point] {
    guard reach > 0 else { return self }
    return indices.map { index in
      let stretch = self[Swift.max(0, index - reach)...Swift.min(count - 1, index + reach)]
      return RecordedMetrics.Point(
        step: self[index].step, value: stretch.map(\.value).reduce(0, +) / Double(stretch.count))
    }
  }

  /// The first value and the mean of the last tenth, which one noisy line does not decide.
  var firstAndLast: (first: Double, last: Double)? {
    guard count > 1, let first = self.first?.value else { return nil }
    let end = suffix(Swift.max(1, count / 10))
    return (first, end.map(\.value).reduce(0, +) / Double(end.count))
  }
}
