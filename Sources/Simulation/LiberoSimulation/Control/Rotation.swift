import Foundation

/// Rotations as robosuite 1.4.0 computes them, partly in single precision.
enum Rotation {
  /// The quaternion (x, y, z, w) of a rotation about an axis; the vector's length is the angle in radians.
  static func quaternion(ofAxisAngle vector: SIMD3<Double>) -> SIMD4<Double> {
    let angle = (vector * vector).sum().squareRoot()
    guard angle != 0 else { return SIMD4(0, 0, 0, 1) }
    let axis = vector / angle
    return SIMD4(axis * sin(angle / 2), cos(angle / 2))
  }

  /// The same in single precision.
  static func quaternion(ofAxisAngle vector: SIMD3<Float>) -> SIMD4<Double> {
    let angle = Float(SIMD3<Double>(vector * vector).sum()).squareRoot()
    guard angle != 0 else { return SIMD4(0, 0, 0, 1) }
    let (sine, cosine) = (Float(sin(Double(angle / 2))), Float(cos(Double(angle / 2))))
    return SIMD4(SIMD4<Float>(vector / angle * sine, cosine))
  }

  /// The angle between the vertical and where a rotation takes it, radians; quaternions are w, x, y, z.
  static func tilt(from before: SIMD4<Double>, to after: SIMD4<Double>) -> Double {
    // The x and y of after · before⁻¹.
    let x = -after.x * before.y + after.y * before.x - after.z * before.w + after.w * before.z
    let y = -after.x * before.z + after.y * before.w + after.z * before.x - after.w * before.y
    return acos(max(-1, 1 - 2 * (x * x + y * y)))
  }

  /// The rotation matrix (`[3, 3]`) of a quaternion (x, y, z, w).
  ///
  /// The quaternion and its products are single precision and the sums on the diagonal double, because that is how
  /// robosuite's compiled function rounds; the goal's orientation differs by about 1e-7 otherwise.
  static func matrix(of quaternion: SIMD4<Double>) -> Matrix {
    let single = SIMD4<Float>(quaternion)
    // OpenBLAS adds a short single-precision dot product up in double precision.
    let products = SIMD4<Double>(single * single)
    let squares = Double(Float(products.w + products.x + products.y + products.z))
    guard squares >= Double.ulpOfOne * 4 else { return .identity(3) }
    let scale = (2 / squares).squareRoot()
    let scaled = SIMD4<Float>(SIMD4<Double>(single) * scale)
    let (x, y, z, w) = (scaled.x, scaled.y, scaled.z, scaled.w)
    return Matrix(
      3, 3,
      values: [
        1 - Double(y * y) - Double(z * z), Double(x * y - z * w), Double(x * z + y * w),
        Double(x * y + z * w), 1 - Double(x * x) - Double(z * z), Double(y * z - x * w),
        Double(x * z - y * w), Double(y * z + x * w), 1 - Double(x * x) - Double(y * y),
      ])
  }

  /// The rotation between two orientations, as half the sum of the cross products of their axes: for small angles the axis
  /// times the angle, for large ones less.
  static func error(from current: Matrix, to desired: Matrix) -> SIMD3<Double> {
    var sum = SIMD3<Double>.zero
    for axis in 0..<3 {
      let start = SIMD3(current[0, axis], current[1, axis], current[2, axis])
      let end = SIMD3(desired[0, axis], desired[1, axis], desired[2, axis])
      sum += SIMD3(
        start.y * end.z - start.z * end.y, start.z * end.x - start.x * end.z, start.x * end.y - start.y * end.x)
    }
    return 0.5 * sum
  }

  /// A quaternion (x, y, z, w) as an axis times an angle, in single precision; LeRobot's state of the end effector.
  ///
  /// It is zero where the axis is nearly undefined, and a quaternion and its negative have different vectors.
  static func axisAngle(of quaternion: SIMD4<Double>) -> SIMD3<Float> {
    let single = SIMD4<Float>(quaternion)
    let cosine = min(1, max(-1, single.w))
    let sine = max(0, 1 - cosine * cosine).squareRoot()
    guard sine > 1e-10 else { return .zero }
    return SIMD3(single.x, single.y, single.z) / sine * (2 * acos(cosine))
  }
}
