import Foundation

/// NumPy's legacy generator (`numpy.random.seed`), which LIBERO's placements use.
///
/// The Mersenne twister MT19937 (Matsumoto and Nishimura, 1998), seeded by one 32-bit word; doubles have 53 bits from two
/// words; normals come in pairs from Marsaglia's polar method. NumPy has promised never to change the streams.
public struct LegacyRandom: Sendable {
  private var state: [UInt32]
  private var position: Int
  private var savedNormal: Double?

  private static let length = 624
  private static let middle = 397

  /// The generator after `numpy.random.seed(seed)`.
  public init(seed: UInt32) {
    var word = seed
    state = (0..<Self.length).map { index in
      defer { word = 1_812_433_253 &* (word ^ (word >> 30)) &+ UInt32(index) &+ 1 }
      return word
    }
    position = Self.length
  }

  /// The next 32 random bits.
  mutating func nextWord() -> UInt32 {
    if position == Self.length { refill() }
    var word = state[position]
    position += 1
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C_5680
    word ^= (word << 15) & 0xEFC6_0000
    return word ^ (word >> 18)
  }

  private mutating func refill() {
    for index in 0..<Self.length {
      let mixed = (state[index] & 0x8000_0000) | (state[(index + 1) % Self.length] & 0x7FFF_FFFF)
      let twist: UInt32 = mixed & 1 == 1 ? 0x9908_B0DF : 0
      state[index] = state[(index + Self.middle) % Self.length] ^ (mixed >> 1) ^ twist
    }
    position = 0
  }

  /// `numpy.random.random()`: a number in 0 ..< 1.
  public mutating func uniform() -> Double {
    let high = Double(nextWord() >> 5)
    let low = Double(nextWord() >> 6)
    return (high * 67_108_864 + low) / 9_007_199_254_740_992
  }

  /// `numpy.random.uniform(low, high)`; `low` may be the greater.
  public mutating func uniform(_ low: Double, _ high: Double) -> Double { low + (high - low) * uniform() }

  /// `numpy.random.randn(count)`.
  public mutating func normals(count: Int) -> [Double] { (0..<count).map { _ in normal() } }

  private mutating func normal() -> Double {
    if let saved = savedNormal {
      savedNormal = nil
      return saved
    }
    while true {
      let first = 2 * uniform() - 1
      let second = 2 * uniform() - 1
      let square = first * first + second * second
      guard square < 1, square != 0 else { continue }
      let factor = (-2 * log(square) / square).squareRoot()
      savedNormal = factor * first
      return factor * second
    }
  }

  /// `numpy.random.randint(count)`: a number in 0 ..< `count`, which must be positive; for a `count` of 1 nothing is drawn.
  public mutating func integer(below count: UInt32) -> UInt32 {
    let maximum = max(count, 1) - 1
    guard maximum > 0 else { return 0 }
    let mask = UInt32.max >> maximum.leadingZeroBitCount
    while true {
      let candidate = nextWord() & mask
      if candidate <= maximum { return candidate }
    }
  }
}
