import CounterBasedRandom

/// Random initial positions.
enum ShapesLayout {
  /// The finger's initial position: at the camera's side of the table.
  static func finger(_ numbers: CountedRandom) -> SIMD2<Double> {
    SIMD2(numbers.uniform(0, in: -0.22...0.22), numbers.uniform(1, in: -0.3 ... -0.22))
  }

  /// The blocks' initial positions: one anywhere in the middle, or several side by side in random order.
  static func blocks(count: Int, _ numbers: CountedRandom) -> [SIMD2<Double>] {
    if count == 1 { return [SIMD2(numbers.uniform(0, in: -0.14...0.14), numbers.uniform(1, in: -0.06...0.18))] }
    let pitch = 0.4 / Double(count - 1)
    return numbers.at("order").permutation(of: count).enumerated().map { block, column in
      SIMD2(
        -0.2 + pitch * Double(column) + numbers.uniform(2 * block, in: -0.03...0.03),
        numbers.uniform(2 * block + 1, in: 0...0.2))
    }
  }
}
