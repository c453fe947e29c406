/// What one number of a stored tensor is; raw values are safetensors' names.
public enum TensorElement: String, Sendable, CaseIterable {
  /// 64-bit IEEE 754.
  case float64 = "F64"
  /// 32-bit IEEE 754.
  case float32 = "F32"
  /// 16-bit IEEE 754.
  case float16 = "F16"
  /// The upper half of a `float32`.
  case bfloat16 = "BF16"
  /// 8 bits: 4 of exponent, 3 of mantissa.
  case float8E4M3 = "F8_E4M3"
  /// 8 bits: 5 of exponent, 2 of mantissa.
  case float8E5M2 = "F8_E5M2"
  /// 64 bits, signed.
  case int64 = "I64"
  /// 32 bits, signed.
  case int32 = "I32"
  /// 16 bits, signed.
  case int16 = "I16"
  /// 8 bits, signed.
  case int8 = "I8"
  /// 64 bits, unsigned.
  case uint64 = "U64"
  /// 32 bits, unsigned.
  case uint32 = "U32"
  /// 16 bits, unsigned.
  case uint16 = "U16"
  /// 8 bits, unsigned.
  case uint8 = "U8"
  /// A truth value, one byte.
  case bool = "BOOL"

  /// The bytes of one number.
  public var byteCount: Int {
    switch self {
    case .float64, .int64, .uint64: 8
    case .float32, .int32, .uint32: 4
    case .float16, .bfloat16, .int16, .uint16: 2
    case .float8E4M3, .float8E5M2, .int8, .uint8, .bool: 1
    }
  }

  /// The bytes of a tensor of `shape`, or nil where a size is negative or the product does not fit into `Int`.
  public func byteCount(shape: [Int]) -> Int? {
    var product = byteCount
    guard shape.allSatisfy({ $0 >= 0 }) else { return nil }
    if shape.contains(0) { return 0 }
    for size in shape {
      let (next, overflow) = product.multipliedReportingOverflow(by: size)
      if overflow { return nil }
      product = next
    }
    return product
  }
}
