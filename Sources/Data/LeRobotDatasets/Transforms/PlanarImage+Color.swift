// ITU-R 601's weights, as torchvision rounds them.
private let red: Float = 0.2989
private let green: Float = 0.587
private let blue: Float = 0.114

extension PlanarImage {
  /// Multiplies every value by `factor`, from 0.
  mutating func adjustBrightness(_ factor: Double) {
    let factor = Float(factor)
    values.withUnsafeMutableBufferPointer { values in
      for index in values.indices { values[index] = unit(values[index] * factor) }
    }
  }

  /// Blends with the mean gray of the image: 0 gives that gray, 1 the image.
  mutating func adjustContrast(_ factor: Double) {
    let (area, own, other) = (area, Float(factor), Float(1 - factor))
    values.withUnsafeMutableBufferPointer { values in
      var sum = 0.0
      for pixel in 0..<area {
        sum += Double(values[pixel] * red + values[area + pixel] * green + values[2 * area + pixel] * blue)
      }
      let shift = Float(sum / Double(area)) * other
      for index in values.indices { values[index] = unit(values[index] * own + shift) }
    }
  }

  /// Blends every pixel with its gray: 0 gives a gray image, 1 the image.
  mutating func adjustSaturation(_ factor: Double) {
    let (area, own, other) = (area, Float(factor), Float(1 - factor))
    values.withUnsafeMutableBufferPointer { values in
      for pixel in 0..<area {
        let (r, g, b) = (values[pixel], values[area + pixel], values[2 * area + pixel])
        let shift = (r * red + g * green + b * blue) * other
        values[pixel] = unit(r * own + shift)
        values[area + pixel] = unit(g * own + shift)
        values[2 * area + pixel] = unit(b * own + shift)
      }
    }
  }

  /// Turns every pixel's hue by `turn` of the color wheel, from -0.5 to 0.5.
  mutating func adjustHue(_ turn: Double) {
    let (area, turn) = (area, Float(turn))
    values.withUnsafeMutableBufferPointer { values in
      for pixel in 0..<area {
        let turned = Self.turned(values[pixel], values[area + pixel], values[2 * area + pixel], by: turn)
        (values[pixel], values[area + pixel], values[2 * area + pixel]) = turned
      }
    }
  }

  /// A color by way of hue, saturation and value (Smith, 1978).
  @inline(__always)
  private static func turned(_ r: Float, _ g: Float, _ b: Float, by turn: Float) -> (Float, Float, Float) {
    let (value, least) = (max(r, max(g, b)), min(r, min(g, b)))
    let range = value - least
    guard range > 0 else { return (unit(value), unit(value), unit(value)) }
    let (rc, gc, bc) = ((value - r) / range, (value - g) / range, (value - b) / range)
    let sector = value == r ? bc - gc : value == g ? rc + 2 - bc : gc + 4 - rc
    // In turns, as torchvision rounds: first into 0..<1, then on by less than one turn and into 0...1 again.
    var hue = sector * (1 / 6) + 1
    if hue >= 1 { hue -= 1 }
    hue += turn
    if hue < 0 { hue += 1 } else if hue >= 1 { hue -= 1 }
    let sixths = hue * 6
    let whole = Int(sixths)
    let saturation = range / value
    let part = saturation * (sixths - Float(whole))
    let p = unit((1 - saturation) * value)
    let q = unit((1 - part) * value)
    let t = unit((part + (1 - saturation)) * value)
    switch whole {
    case 0, 6: return (value, t, p)
    case 1: return (q, value, p)
    case 2: return (p, value, t)
    case 3: return (p, q, value)
    case 4: return (t, p, value)
    default: return (value, p, q)
    }
  }
}
