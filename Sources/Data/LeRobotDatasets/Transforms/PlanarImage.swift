import RGBImages

/// An image as policies see it: `[3, height, width]`, RGB, float32 in [0, 1].
///
/// What changes one are torchvision's v2 functionals for float tensors, formula for formula.
public struct PlanarImage: Sendable, Equatable {
  /// Pixels in a row, and rows.
  public let width: Int, height: Int
  /// `[3, height, width]`, row-major.
  public internal(set) var values: [Float]

  /// Takes the planes as they are; `values` are `3 * height * width` numbers in [0, 1].
  init(width: Int, height: Int, values: [Float]) {
    self.width = width
    self.height = height
    self.values = values
  }

  /// A recorded image, divided by 255.
  public init(_ image: RGBImage) {
    let area = image.width * image.height
    let values = [Float](unsafeUninitializedCapacity: 3 * area) { planes, initialized in
      image.pixels.withUnsafeBufferPointer { pixels in
        for pixel in 0..<area {
          planes[pixel] = Float(pixels[3 * pixel]) / 255
          planes[area + pixel] = Float(pixels[3 * pixel + 1]) / 255
          planes[2 * area + pixel] = Float(pixels[3 * pixel + 2]) / 255
        }
      }
      initialized = 3 * area
    }
    self.init(width: image.width, height: image.height, values: values)
  }

  var area: Int { width * height }
}

/// A value held within [0, 1].
@inline(__always)
func unit(_ value: Float) -> Float { min(max(value, 0), 1) }
