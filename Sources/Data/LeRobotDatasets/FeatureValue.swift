import Failures
import MediaCoding
import ParquetFiles
import RGBImages

/// One feature's value in a frame that is recorded.
public enum FeatureValue: Sendable {
  /// Values of a `float32` feature.
  case floats([Float])
  /// Values of a `float64` feature.
  case doubles([Double])
  /// Values of an integer feature.
  case integers([Int])
  /// Values of a `bool` feature.
  case booleans([Bool])
  /// The value of a `string` feature.
  case text(String)
  case image(RGBImage)

  /// Checks the value against its feature.
  func check(_ feature: DatasetFeature, name: String) throws {
    let (fits, count): (Bool, Int) =
      switch (self, feature.dataType) {
      case (.floats(let values), .float32): (true, values.count)
      case (.doubles(let values), .float64): (true, values.count)
      case (.integers(let values), .int8), (.integers(let values), .int16), (.integers(let values), .int32),
        (.integers(let values), .int64), (.integers(let values), .uint8):
        (true, values.count)
      case (.booleans(let values), .bool): (true, values.count)
      case (.text, .string): (true, 1)
      case (.image(let image), .image), (.image(let image), .video):
        (image.height == feature.imageSize?.height && image.width == feature.imageSize?.width, feature.elementCount)
      default: (false, 0)
      }
    guard fits, count == feature.elementCount else {
      throw Failure(
        "expected \(feature.dataType.rawValue) values of the shape \(feature.shape) for \(name), found \(summary)")
    }
  }

  private var summary: String {
    switch self {
    case .floats(let values): "\(values.count) float32 values"
    case .doubles(let values): "\(values.count) float64 values"
    case .integers(let values): "\(values.count) integers"
    case .booleans(let values): "\(values.count) booleans"
    case .text: "text"
    case .image(let image): "an image of \(image.width)x\(image.height)"
    }
  }

  /// The numbers, for statistics; none for text and images.
  var numbers: [Double] {
    switch self {
    case .floats(let values): values.map(Double.init)
    case .doubles(let values): values
    case .integers(let values): values.map(Double.init)
    case .booleans(let values): values.map { $0 ? 1 : 0 }
    case .text, .image: []
    }
  }

  var image: RGBImage? { if case .image(let image) = self { image } else { nil } }
  var floats: [Float] { if case .floats(let values) = self { values } else { [] } }
  var integers: [Int] { if case .integers(let values) = self { values } else { [] } }
  var text: String { if case .text(let text) = self { text } else { "" } }
}

extension DatasetFeature {
  /// The Parquet column that LeRobot keeps this feature in; nil for videos, which have none.
  func columnType(name: String) throws -> ColumnType? {
    let leaf: ColumnType
    switch dataType {
    case .video: return nil
    case .image: return .structure([ParquetField("bytes", .binary), ParquetField("path", .string)])
    case .float32: leaf = .float32
    case .float64: leaf = .float64
    case .int8: leaf = .int8
    case .int16: leaf = .int16
    case .int32: leaf = .int32
    case .int64: leaf = .int64
    case .uint8: leaf = .uint8
    case .bool: leaf = .bool
    case .string: leaf = .string
    }
    guard shape.count == 1 else {
      throw Failure("expected a shape with one dimension for \(name) to record it, found \(shape)")
    }
    return shape == [1] ? leaf : .fixedSizeList(leaf, shape[0])
  }

  /// An episode's values as a Parquet column; images become PNG.
  func column(_ values: [FeatureValue]) throws -> ColumnValues {
    if dataType == .image {
      let images = try values.compactMap(\.image).map { try PNG.encode($0) }
      return .structures([.binaries(images), .strings(images.indices.map { "frame-\(padded($0)).png" })])
    }
    let flat: ColumnValues
    switch dataType {
    case .float32: flat = .floats(values.flatMap(\.floats))
    case .float64: flat = .doubles(values.flatMap(\.numbers))
    case .bool: flat = .booleans(values.flatMap { $0.numbers.map { $0 != 0 } })
    case .string: flat = .strings(values.map(\.text))
    default: flat = .integers(values.flatMap(\.integers))
    }
    return shape == [1] ? flat : .fixedSizeLists(flat, size: shape[0])
  }

  private func padded(_ frame: Int) -> String { String(frame).zeroPadded(to: 6) }
}
