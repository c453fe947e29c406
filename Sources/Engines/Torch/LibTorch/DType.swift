/// An element's type; raw values are libtorch's scalar types.
public enum DType: Int32, Sendable, CaseIterable {
  /// 8 bits, unsigned.
  case uint8 = 0
  /// 8 bits, signed.
  case int8 = 1
  /// 16 bits, signed.
  case int16 = 2
  /// 32 bits, signed.
  case int32 = 3
  /// 64 bits, signed.
  case int64 = 4
  /// 16-bit IEEE 754.
  case float16 = 5
  /// 32-bit IEEE 754.
  case float32 = 6
  /// 64-bit IEEE 754.
  case float64 = 7
  case bool = 11
  /// The upper half of a `float32`.
  case bfloat16 = 15

  public var byteCount: Int {
    switch self {
    case .uint8, .int8, .bool: 1
    case .int16, .float16, .bfloat16: 2
    case .int32, .float32: 4
    case .int64, .float64: 8
    }
  }

  /// Whether gradients can flow through it.
  public var isFloatingPoint: Bool {
    switch self {
    case .float16, .float32, .float64, .bfloat16: true
    default: false
    }
  }
}

/// A Swift number that a tensor is created from or read back as.
public protocol TensorScalar: Sendable {
  /// The tensor type with the same bytes.
  static var dtype: DType { get }
}

extension UInt8: TensorScalar { public static var dtype: DType { .uint8 } }
extension Int32: TensorScalar { public static var dtype: DType { .int32 } }
extension Int: TensorScalar { public static var dtype: DType { .int64 } }
extension Float: TensorScalar { public static var dtype: DType { .float32 } }
extension Double: TensorScalar { public static var dtype: DType { .float64 } }
extension Bool: TensorScalar { public static var dtype: DType { .bool } }

/// A device that holds tensors. `cuda` is also ROCm's name.
public enum Device: Hashable, Sendable, CustomStringConvertible {
  case cpu
  /// A GPU by its index; with a ROCm build of torch an AMD one.
  case cuda(Int)

  /// Reads `cpu`, `cuda` or `cuda:N`; nil for anything else.
  public init?(_ name: String) {
    let parts = name.split(separator: ":", omittingEmptySubsequences: false)
    switch (parts.first, parts.count) {
    case ("cpu", 1): self = .cpu
    case ("cuda", 1): self = .cuda(0)
    case ("cuda", 2):
      guard let index = Int(parts[1]), index >= 0 else { return nil }
      self = .cuda(index)
    default: return nil
    }
  }

  /// libtorch's number of the kind of device.
  var typeNumber: Int32 {
    switch self {
    case .cpu: 0
    case .cuda: 1
    }
  }

  public var description: String {
    switch self {
    case .cpu: "cpu"
    case .cuda(let index): "cuda:\(index)"
    }
  }
}
