import Foundation

/// A benchmark's rate: operations per second, the best of several rounds.
///
/// The best, because other load can only make a round slower.
struct Measurement {
  let name: String
  let perSecond: Double
  let unit: String

  /// Runs `round`, which does `count` operations, once to warm up and then for about `seconds`.
  init(_ name: String, _ unit: String, count: Int, seconds: Double = 2, _ round: () throws -> Void) rethrows {
    try round()
    let clock = ContinuousClock()
    let start = clock.now
    var best = Duration.seconds(1_000_000)
    repeat { best = min(best, try clock.measure(round)) } while clock.now - start < .seconds(seconds)
    self.name = name
    self.unit = unit
    perSecond = Double(count) / (Double(best.components.seconds) + Double(best.components.attoseconds) * 1e-18)
  }

  /// The rate, and the time of one operation.
  var line: String {
    let time = 1 / perSecond
    let scaled =
      time < 1e-6 ? (time * 1e9, "ns") : time < 1e-3 ? (time * 1e6, "µs") : time < 1 ? (time * 1e3, "ms") : (time, "s")
    return name.padding(toLength: 44, withPad: " ", startingAt: 0)
      + String(format: "%12.1f %@/s", perSecond, unit).padding(toLength: 26, withPad: " ", startingAt: 0)
      + String(format: "%8.1f %@", scaled.0, scaled.1)
  }
}

/// A folder that is deleted with the value.
final class Scratch {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("lerobot-wm-bench-\(UUID().uuidString)")

  init() throws { try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true) }

  deinit { try? FileManager.default.removeItem(at: url) }
}
