import CounterBasedRandom

/// A scripted demonstrator with noise, which knows all positions.
///
/// Its action depends only on the episode's speed and the current positions of finger and blocks.
struct ShapesDemonstrator {
  /// The fraction of full speed, 0…1.
  let speed: Double
  /// The noise's random numbers, by control step.
  let noise: CountedRandom

  /// Standard deviation of the noise, in units of the action.
  private static let noiseDeviation = 0.05
  /// Distance kept from a block when passing it, meters.
  private static let clearance = 0.03

  /// The action (velocities, −1…1) at control step `step`.
  func action(goal: ShapesGoal, finger: SIMD2<Double>, blocks: [SIMD2<Double>], step: Int) -> SIMD2<Double> {
    let target =
      switch goal {
      case .push(let block, let direction): Self.pushTarget(blocks[block], direction, finger)
      case .touch(let block): Self.touchTarget(block, of: blocks, finger)
      case .touchSide(let block, let direction): Self.pushTarget(blocks[block], -direction, finger)
      }
    let stride = ShapesScene.fullSpeed / Double(ShapesScene.framesPerSecond)
    let wanted = (target - finger) / stride
    let length = (wanted * wanted).sum().squareRoot()
    let unit = length > 1 ? wanted / length : wanted
    let sample = SIMD2(noise.at(step).normals(count: 2).map(Double.init)) * Self.noiseDeviation
    return (unit * speed + sample).clamped(lowerBound: SIMD2(-1, -1), upperBound: SIMD2(1, 1))
  }

  /// The next target to touch one block and no other: the block, or a point in front of all blocks if one is in the way.
  private static func touchTarget(_ block: Int, of blocks: [SIMD2<Double>], _ finger: SIMD2<Double>) -> SIMD2<Double> {
    let goal = blocks[block]
    let room = ShapesScene.blockHalf * 2.0.squareRoot() + ShapesScene.fingerRadius
    let isClear = blocks.indices.allSatisfy { $0 == block || distance(blocks[$0], finger, goal) > room }
    if isClear || abs(finger.x - goal.x) < ShapesScene.blockHalf * 0.7 { return goal }
    let front = blocks.map(\.y).min() ?? goal.y
    return SIMD2(goal.x, min(goal.y, front - ShapesScene.blockHalf - ShapesScene.fingerRadius - clearance))
  }

  /// The distance of a point from the line segment between two others.
  private static func distance(_ point: SIMD2<Double>, _ start: SIMD2<Double>, _ end: SIMD2<Double>) -> Double {
    let segment = end - start
    let fraction = ((point - start) * segment).sum() / max((segment * segment).sum(), 1e-12)
    let offset = point - start - segment * min(1, max(0, fraction))
    return (offset * offset).sum().squareRoot()
  }

  /// The next target to push a block in a direction: beside it, behind it, then through it.
  private static func pushTarget(
    _ block: SIMD2<Double>, _ direction: SIMD2<Double>, _ finger: SIMD2<Double>
  ) -> SIMD2<Double> {
    let side = SIMD2(-direction.y, direction.x)
    let along = ((finger - block) * direction).sum()
    let across = ((finger - block) * side).sum()
    let contact = ShapesScene.blockHalf + ShapesScene.fingerRadius
    let behind = contact + clearance
    if along > -contact - 0.005 {
      // Still beside or in front of the block: pass it without touching it.
      let room = across < 0 ? -behind : behind
      return block - behind * direction + (abs(across) < contact + 0.01 || abs(across) > behind ? room : across) * side
    }
    if abs(across) > 0.02 { return block - max(behind, -along * 0.9) * direction }
    return block + direction * ShapesGoal.pushDistance
  }
}
