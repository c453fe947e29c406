import Foundation

/// Random numbers that follow from a key alone: no stream is shared, so neither order nor threads change them.
///
/// The key's parts are folded into 64 bits with SplitMix64's finaliser; draw `n` is that finaliser applied to
/// key + (n + 1)·φ (Steele, Lea and Flood, 2014).
public struct CountedRandomNumbers: RandomNumberGenerator, Sendable {
  private var state: UInt64
  private static let golden: UInt64 = 0x9E37_79B9_7F4A_7C15

  /// Makes the numbers of one key, e.g. (seed, task, episode, purpose).
  public init(_ parts: UInt64...) {
    state = parts.reduce(Self.golden) { Self.mixed($0 ^ Self.mixed($1 &+ Self.golden)) }
  }

  /// A part of a key from a name: FNV-1a, 64 bits, the same on every machine.
  public static func part(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= Self.golden
    return Self.mixed(state)
  }

  /// The next number, uniform in a range (the upper bound excluded).
  public mutating func uniform(_ range: ClosedRange<Double>) -> Double {
    let unit = Double(next() >> 11) * 0x1p-53
    return range.lowerBound + (range.upperBound - range.lowerBound) * unit
  }

  /// The next integer in `0..<count`.
  public mutating func index(below count: Int) -> Int { Int(uniform(0...1) * Double(count)) }

  /// The next number with mean 0 and variance 1 (Box and Muller, 1958).
  public mutating func normal() -> Double {
    let radius = (-2 * log(1 - uniform(0...1))).squareRoot()
    return radius * cos(2 * .pi * uniform(0...1))
  }

  private static func mixed(_ value: UInt64) -> UInt64 {
    var bits = value
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    return bits ^ (bits >> 31)
  }
}
