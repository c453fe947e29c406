import Foundation

/// An axis of a chart, with ticks at round numbers.
struct Axis: Sendable {
  let range: ClosedRange<Double>
  let isLogarithmic: Bool
  let ticks: [Double]

  /// An axis that holds all of `values`; logarithmic only if all are above 0 and span more than a factor of 30.
  init(holding values: [Double], mayBeLogarithmic: Bool = false, tickCount: Int = 5) {
    // Keeps the arithmetic of ticks finite for any input.
    let finite = values.filter(\.isFinite).map { min(max($0, -1e30), 1e30) }
    var low = finite.min() ?? 0
    var high = finite.max() ?? 1
    isLogarithmic = mayBeLogarithmic && low > 1e-30 && high / low > 30
    if isLogarithmic {
      let range = low / 1.15...high * 1.15
      let powers = (Int(log10(low).rounded(.down))...Int(log10(high).rounded(.up))).map { pow(10, Double($0)) }
      let finer = powers.flatMap { [$0, 2 * $0, 5 * $0] }.filter(range.contains)
      let every = max(1, powers.count / 6)
      ticks =
        finer.count <= 8
        ? finer : powers.enumerated().filter { $0.offset % every == 0 }.map(\.element).filter(range.contains)
      self.range = range
      return
    }
    if low == 0, high == 0 { high = 1 }
    if high - low < abs(high) * 1e-9 || high == low {
      low -= max(abs(low) * 0.1, 1e-6)
      high += max(abs(high) * 0.1, 1e-6)
    }
    let step = Self.roundStep((high - low) / Double(max(tickCount, 1)))
    let first = (low / step).rounded(.down)
    let last = (high / step).rounded(.up)
    ticks = stride(from: first, through: last, by: 1).prefix(50).map { $0 * step }
    range = first * step...last * step
  }

  /// An axis that ends at the first and last value, with ticks at round numbers between.
  init(exactly range: ClosedRange<Double>, tickCount: Int = 5) {
    let wide = range.upperBound > range.lowerBound ? range : range.lowerBound...range.lowerBound + 1
    let step = Self.roundStep((wide.upperBound - wide.lowerBound) / Double(max(tickCount, 1)))
    let first = (wide.lowerBound / step).rounded(.up)
    ticks = stride(from: first, through: (wide.upperBound / step).rounded(.down), by: 1).prefix(50).map { $0 * step }
    self.range = wide
    isLogarithmic = false
  }

  /// 1, 2 or 5 times a power of ten, not below `raw`.
  private static func roundStep(_ raw: Double) -> Double {
    let power = pow(10, log10(raw).rounded(.down))
    return (([1, 2, 5].first { $0 * power >= raw * 0.999 }) ?? 10) * power
  }

  /// A value's position, 0 at the lower end and 1 at the upper.
  func position(_ value: Double) -> Double {
    let value = min(max(value, range.lowerBound), range.upperBound)
    guard isLogarithmic else { return (value - range.lowerBound) / (range.upperBound - range.lowerBound) }
    return log(value / range.lowerBound) / log(range.upperBound / range.lowerBound)
  }

  /// A tick's label, with enough decimals to tell it from its neighbors.
  func label(_ tick: Double) -> String {
    if isLogarithmic { return tick.short }
    let step = ticks.count > 1 ? ticks[1] - ticks[0] : 1
    if abs(tick) >= 1e6 || step < 1e-4 { return abs(tick) < step / 2 ? "0" : tick.short }
    if step >= 1, abs(tick) >= 10_000 { return "\(Double(tick / 1000).coordinate)k" }
    let decimals = max(0, Int((-log10(step) - 1e-9).rounded(.up)))
    let text = String(format: "%.\(decimals)f", tick == 0 ? 0 : abs(tick))
    return tick < 0 ? "\u{2212}" + text : text
  }
}
