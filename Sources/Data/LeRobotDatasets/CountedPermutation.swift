import CounterBasedRandom

/// A shuffle of `0..<count` that is a function of (seed, epoch): nothing is stored, any position can be asked for.
///
/// A balanced Feistel network over the smallest even number of bits that holds `count`, walked along its cycle until it
/// lands inside (Black and Rogaway, "Ciphers with arbitrary finite domains", 2002). Fewer than four (on average) walks.
public struct CountedPermutation: Sendable {
  public let count: Int
  private let halfBits: UInt64
  private let keys: [UInt64]

  public init(count: Int, seed: Int, epoch: Int) {
    self.count = max(0, count)
    var bits: UInt64 = 2
    while 1 << (2 * bits) < self.count { bits += 1 }
    halfBits = bits
    let random = CountedRandom(seed: seed, "dataset-permutation").at(epoch)
    keys = (0..<8).map { round in
      let words = random.words(round)
      return UInt64(words.0) << 32 | UInt64(words.1)
    }
  }

  /// The element at a position of `0..<count`; positions outside are taken modulo `count`.
  public subscript(position: Int) -> Int {
    guard count > 0 else { return 0 }
    let wrapped = position % count
    var value = UInt64(wrapped < 0 ? wrapped + count : wrapped)
    repeat { value = encrypted(value) } while value >= UInt64(count)
    return Int(value)
  }

  private func encrypted(_ value: UInt64) -> UInt64 {
    let mask = (1 << halfBits) - 1 as UInt64
    var left = value >> halfBits, right = value & mask
    for key in keys { (left, right) = (right, left ^ (Self.mixed(right ^ key) & mask)) }
    return left << halfBits | right
  }

  /// SplitMix64's output function (Steele, Lea and Flood, 2014).
  private static func mixed(_ input: UInt64) -> UInt64 {
    var value = input &+ 0x9E37_79B9_7F4A_7C15
    value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
    return value ^ value >> 31
  }
}
