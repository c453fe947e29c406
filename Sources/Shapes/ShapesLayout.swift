import CountedRandom

/// Where an episode begins.
struct ShapesLayout {
  /// The finger's first place: near the one who looks, metres.
  let finger: SIMD2<Double>
  /// The blocks' first places: one anywhere in the middle, or several side by side in random order, metres.
  let blocks: [SIMD2<Double>]

  /// Draws a layout of `blockCount` blocks.
  init(blockCount: Int, _ random: CountedRandom) {
    func place(_ name: String, _ x: ClosedRange<Double>, _ y: ClosedRange<Double>) -> SIMD2<Double> {
      let numbers = random.at(name)
      return SIMD2(numbers.uniform(0, in: x), numbers.uniform(1, in: y))
    }
    finger = place("finger", -0.22...0.22, -0.3 ... -0.22)
    guard blockCount > 1 else {
      blocks = (0..<blockCount).map { _ in place("block", -0.14...0.14, -0.06...0.18) }
      return
    }
    let pitch = 0.4 / Double(blockCount - 1)
    blocks = random.at("columns").permutation(of: blockCount).map { column in
      place("column \(column)", -0.03...0.03, 0.0...0.2) + SIMD2(-0.2 + pitch * Double(column), 0)
    }
  }
}
