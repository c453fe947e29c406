import Foundation

/// What stands before the numbers of an `.npy` file.
struct NumpyHeader: Equatable {
  var element: TensorElement
  var shape: [Int]
  /// Bytes before the first number.
  var byteCount: Int

  /// NumPy's type strings for little-endian numbers.
  static let descriptions: [(String, TensorElement)] = [
    ("<f2", .float16), ("<f4", .float32), ("<f8", .float64), ("|i1", .int8), ("<i2", .int16), ("<i4", .int32),
    ("<i8", .int64), ("|u1", .uint8), ("<u2", .uint16), ("<u4", .uint32), ("<u8", .uint64), ("|b1", .bool),
  ]

  /// The type string of `element`, or nil where NumPy has no such numbers.
  static func description(of element: TensorElement) -> String? {
    descriptions.first { $0.1 == element }?.0
  }

  init(_ mapping: MappedFile) throws {
    let path = mapping.url.path
    let start = try mapping.withBytes { Array($0.prefix(12)) }
    guard start.count >= 10, start.starts(with: [0x93] + Array("NUMPY".utf8)) else {
      throw FileError.malformed(path, "expected a NumPy .npy file, found other or too few bytes")
    }
    let textStart: Int
    let length: Int
    switch start[6] {
    case 1: (textStart, length) = (10, Int(start[8]) | Int(start[9]) << 8)
    case 2, 3:
      guard start.count == 12 else { throw FileError.malformed(path, "the .npy header is truncated") }
      (textStart, length) = (12, (8..<12).reversed().reduce(0) { $0 << 8 | Int(start[$1]) })
    default: throw FileError.unsupported(path, ".npy format version \(start[6])")
    }
    guard length <= 1 << 20 else {
      throw FileError.malformed(path, "expected a short .npy header, found \(length) bytes")
    }
    byteCount = textStart + length
    let text = try mapping.withBytes(in: textStart..<byteCount) { String(decoding: $0, as: UTF8.self) }
    var parser = NumpyHeaderParser(text: Substring(text), path: path)
    (element, shape) = try parser.parse()
  }

  init(element: TensorElement, shape: [Int]) {
    self.element = element
    self.shape = shape
    let digits = 20 - String(shape.first ?? 0).count
    byteCount = (10 + Self.text(element, shape).utf8.count + digits + 1 + 63) / 64 * 64
  }

  /// The header's bytes, always `byteCount` many whatever the first size, so that it can be filled in later.
  func encoded() -> [UInt8] {
    let text = Self.text(element, shape)
    let padding = String(repeating: " ", count: max(0, byteCount - 11 - text.utf8.count)) + "\n"
    let length = byteCount - 10
    return [0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(length & 0xFF), UInt8(length >> 8 & 0xFF)]
      + Array((text + padding).utf8)
  }

  private static func text(_ element: TensorElement, _ shape: [Int]) -> String {
    let sizes = shape.map(String.init).joined(separator: ", ") + (shape.count == 1 ? "," : "")
    return "{'descr': '\(description(of: element) ?? "")', 'fortran_order': False, 'shape': (\(sizes)), }"
  }
}

/// Reads the Python dictionary that an `.npy` header is: three known keys, in any order.
private struct NumpyHeaderParser {
  var text: Substring
  let path: String

  mutating func parse() throws -> (TensorElement, [Int]) {
    var element: TensorElement?
    var shape: [Int]?
    var columnMajor: Bool?
    try expect("{")
    while !take("}") {
      let key = try quoted()
      try expect(":")
      switch key {
      case "descr": element = try elementType()
      case "fortran_order": columnMajor = try flag()
      case "shape": shape = try sizes()
      default: throw failure("unknown key '\(key)'")
      }
      if !take(",") {
        try expect("}")
        break
      }
    }
    guard let element, let shape, let columnMajor else { throw failure("descr, fortran_order or shape is missing") }
    guard !columnMajor || shape.count < 2 else {
      throw FileError.unsupported(path, "column-major (Fortran) order; save it with numpy.ascontiguousarray")
    }
    return (element, shape)
  }

  private mutating func elementType() throws -> TensorElement {
    guard take("'") else { throw FileError.unsupported(path, "a structured dtype") }
    text = "'" + text
    let name = try quoted()
    guard let match = NumpyHeader.descriptions.first(where: { $0.0 == name }) else {
      throw FileError.unsupported(path, "dtype '\(name)'")
    }
    return match.1
  }

  private mutating func flag() throws -> Bool {
    if take("True") { return true }
    try expect("False")
    return false
  }

  private mutating func sizes() throws -> [Int] {
    var sizes: [Int] = []
    try expect("(")
    while !take(")") {
      skipSpace()
      let digits = text.prefix { $0.isASCII && $0.isNumber }
      guard let size = Int(digits) else { throw failure("expected a size at \"\(text.prefix(8))\"") }
      sizes.append(size)
      text = text.dropFirst(digits.count)
      if !take(",") {
        try expect(")")
        break
      }
    }
    return sizes
  }

  private mutating func quoted() throws -> String {
    try expect("'")
    guard let end = text.firstIndex(of: "'") else { throw failure("a quote is missing") }
    defer { text = text[text.index(after: end)...] }
    return String(text[..<end])
  }

  private mutating func expect(_ token: String) throws {
    guard take(token) else { throw failure("expected \(token) at \"\(text.prefix(8))\"") }
  }

  private mutating func take(_ token: String) -> Bool {
    skipSpace()
    guard text.hasPrefix(token) else { return false }
    text = text.dropFirst(token.count)
    return true
  }

  private mutating func skipSpace() { text = text.drop { $0.isWhitespace } }

  private func failure(_ reason: String) -> FileError { .malformed(path, "the .npy header is broken: \(reason)") }
}
