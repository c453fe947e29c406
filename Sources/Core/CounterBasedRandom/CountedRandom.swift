import Foundation

/// Random numbers that are a function of their address: a key and a counter, not a stream's history.
///
/// The generator is Philox 4×32 with ten rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).
/// Equal addresses give equal numbers on every machine, so batch size, thread count and resuming do not change them.
///
/// ```swift
/// let noise = CountedRandom(seed: 0, "training-noise").at(step, sample).normals(count: 1600)
/// ```
public struct CountedRandom: Sendable {
  private let key: (UInt32, UInt32)
  private let address: (UInt32, UInt32)

  private init(key: (UInt32, UInt32), address: (UInt32, UInt32)) {
    self.key = key
    self.address = address
  }

  /// A family of numbers, distinguished from other families of the same seed by its name.
  public init(seed: Int, _ purpose: String) {
    let seedBytes = withUnsafeBytes(of: Int64(seed).littleEndian) { Array($0) }
    let hash = Self.hash(seedBytes + Array(purpose.utf8))
    self.init(key: (UInt32(truncatingIfNeeded: hash), UInt32(truncatingIfNeeded: hash >> 32)), address: (0, 0))
  }

  /// The numbers that belong to a name, such as a parameter's.
  public func at(_ name: String) -> CountedRandom { at(Int(bitPattern: UInt(Self.hash(Array(name.utf8))))) }

  /// FNV-1a: stable across runs, unlike Swift's own hash.
  private static func hash(_ bytes: [UInt8]) -> UInt64 {
    bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
  }

  /// The numbers at one position of the family, such as (step, sample) or (episode, query).
  public func at(_ first: Int, _ second: Int = 0) -> CountedRandom {
    // The position becomes part of the key, so that nested positions stay distinct.
    let mixed = Self.philox(
      counter: (
        UInt32(truncatingIfNeeded: first), UInt32(truncatingIfNeeded: first >> 32),
        UInt32(truncatingIfNeeded: second), UInt32(truncatingIfNeeded: second >> 32)
      ), key: (key.0 ^ address.0, key.1 ^ address.1))
    return CountedRandom(key: (mixed.0, mixed.1), address: (mixed.2, mixed.3))
  }

  /// The `index`-th block of four random words.
  public func words(_ index: Int) -> (UInt32, UInt32, UInt32, UInt32) {
    Self.philox(
      counter: (
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32), address.0, address.1
      ), key: key)
  }

  /// The `index`-th uniform number in [0, 1), with 53 random bits.
  public func uniform(_ index: Int = 0) -> Double {
    let (high, low, _, _) = words(index)
    return Double((UInt64(high) << 32 | UInt64(low)) >> 11) * 0x1p-53
  }

  /// The `index`-th uniform number in `range`.
  public func uniform(_ index: Int = 0, in range: ClosedRange<Double>) -> Double {
    range.lowerBound + (range.upperBound - range.lowerBound) * uniform(index)
  }

  /// The `index`-th integer in 0 ..< `count`.
  public func integer(_ index: Int = 0, below count: Int) -> Int { Int(uniform(index) * Double(count)) }

  /// `count` standard normal numbers (Box–Muller, four to a block).
  public func normals(count: Int) -> [Float] {
    [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      var position = 0
      while position < count {
        let (a, b, c, d) = words(position / 4)
        let pairs = (Self.boxMuller(a, b), Self.boxMuller(c, d))
        for value in [pairs.0.0, pairs.0.1, pairs.1.0, pairs.1.1] where position < count {
          buffer[position] = value
          position += 1
        }
      }
      initialized = count
    }
  }

  /// A permutation of 0 ..< `count` (Fisher–Yates).
  public func permutation(of count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      order.swapAt(last, integer(last, below: last + 1))
    }
    return order
  }

  private static func boxMuller(_ first: UInt32, _ second: UInt32) -> (Float, Float) {
    // Half a step away from 0, so that the logarithm is finite.
    let radius = (-2 * Foundation.log((Double(first) + 0.5) * 0x1p-32)).squareRoot()
    let angle = 2 * Double.pi * Double(second) * 0x1p-32
    return (Float(radius * Foundation.cos(angle)), Float(radius * Foundation.sin(angle)))
  }

  /// Philox 4×32-10, internal for tests with published values.
  static func philox(
    counter: (UInt32, UInt32, UInt32, UInt32), key: (UInt32, UInt32)
  ) -> (UInt32, UInt32, UInt32, UInt32) {
    var (c0, c1, c2, c3) = counter
    var (k0, k1) = key
    for _ in 0..<10 {
      let (high0, low0) = UInt32(0xD251_1F53).multipliedFullWidth(by: c0)
      let (high1, low1) = UInt32(0xCD9E_8D57).multipliedFullWidth(by: c2)
      (c0, c1, c2, c3) = (high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return (c0, c1, c2, c3)
  }
}
