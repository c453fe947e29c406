import Foundation

/// A turn about the image's middle with scale and shear, then a shift.
struct AffineMotion: Sendable, Equatable {
  /// Degrees, clockwise.
  var angle = 0.0
  /// Pixels to the right and down.
  var shift = (x: 0, y: 0)
  var scale = 1.0
  /// Degrees along x and y.
  var shear = (x: 0.0, y: 0.0)

  static func == (one: Self, other: Self) -> Bool {
    one.angle == other.angle && one.shift == other.shift && one.scale == other.scale && one.shear == other.shear
  }

  /// Where a pixel comes from: the motion's inverse, `[2, 3]`, about the image's middle.
  var inverse: [Double] {
    let (turn, shearX, shearY) = (angle * .pi / 180, shear.x * .pi / 180, shear.y * .pi / 180)
    let a = cos(turn - shearY) / cos(shearY)
    let b = -(a * tan(shearX) + sin(turn))
    let c = sin(turn - shearY) / cos(shearY)
    let d = cos(turn) - c * tan(shearX)
    let (x, y) = (Double(shift.x), Double(shift.y))
    let (xx, xy, yx, yy) = (d / scale, -b / scale, -c / scale, a / scale)
    return [xx, xy, -xx * x - xy * y, yx, yy, -yx * x - yy * y]
  }
}

extension PlanarImage {
  /// Blends with a blurred image (3×3, five times the middle): 0 gives the blurred one, 1 the image, 2 a sharper one.
  mutating func adjustSharpness(_ factor: Double) {
    guard width > 2, height > 2 else { return }
    let (width, height, area, other) = (width, height, area, Float(1 - factor))
    let source = values
    source.withUnsafeBufferPointer { source in
      values.withUnsafeMutableBufferPointer { values in
        for row in 0..<3 * height where !(row % height == 0 || row % height == height - 1) {
          let first = row * width
          for index in first + 1..<first + width - 1 {
            let above = source[index - width - 1] + source[index - width] + source[index - width + 1]
            let below = source[index + width - 1] + source[index + width] + source[index + width + 1]
            let own = source[index]
            let blurred = (above + below + source[index - 1] + source[index + 1] + 5 * own) * (1 / 13 as Float)
            values[index] = own + (blurred - own) * other
          }
        }
        for index in 0..<3 * area { values[index] = unit(values[index]) }
      }
    }
  }

  /// Moves the image; every pixel takes the nearest one of the old image, or black from outside.
  ///
  /// In float32 and through [-1, 1], as torch's `grid_sample` goes, so that ties fall the same way.
  mutating func move(_ motion: AffineMotion) {
    let (width, height, area) = (width, height, area)
    let (halfWidth, halfHeight) = (Float(width) * 0.5, Float(height) * 0.5)
    let inverse = motion.inverse.map(Float.init)
    let x = inverse[0..<3].map { $0 / halfWidth }, y = inverse[3..<6].map { $0 / halfHeight }
    let (xx, xy, x1, yx, yy, y1) = (x[0], x[1], x[2], y[0], y[1], y[2])
    let source = values
    source.withUnsafeBufferPointer { source in
      values.withUnsafeMutableBufferPointer { values in
        for row in 0..<height {
          let down = Float(row) - (halfHeight - 0.5)
          for column in 0..<width {
            let right = Float(column) - (halfWidth - 0.5)
            let fromX = (right * xx + down * xy + x1 + 1) * halfWidth - 0.5
            let fromY = (right * yx + down * yy + y1 + 1) * halfHeight - 0.5
            let index = row * width + column
            var from = -1
            if fromX > -1, fromX < Float(width), fromY > -1, fromY < Float(height) {
              let (nearX, nearY) = (Self.nearest(fromX), Self.nearest(fromY))
              if nearX >= 0, nearX < width, nearY >= 0, nearY < height { from = nearY * width + nearX }
            }
            values[index] = from < 0 ? 0 : source[from]
            values[area + index] = from < 0 ? 0 : source[area + from]
            values[2 * area + index] = from < 0 ? 0 : source[2 * area + from]
          }
        }
      }
    }
  }

  /// The nearest integer, ties to even; adding 1.5 · 2^23 makes the addition round, which costs no call.
  @inline(__always)
  private static func nearest(_ value: Float) -> Int { Int((value + 0x1.8p23) - 0x1.8p23) }
}
