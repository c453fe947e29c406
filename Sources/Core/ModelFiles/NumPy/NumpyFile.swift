import Foundation

/// A memory-mapped NumPy `.npy` file of row-major, little-endian numbers.
public struct NumpyFile: Sendable {
  /// The file's bytes; keep this object alive for as long as an engine uses them.
  public let mapping: MappedFile
  public let element: TensorElement
  public let shape: [Int]
  /// The numbers' bytes, counted from the file's start.
  public let range: Range<Int>

  /// Maps and checks the file at `url`; column-major order and other dtypes are refused by name.
  public init(_ url: URL) throws {
    let mapping = try MappedFile(url)
    let header = try NumpyHeader(mapping)
    guard let count = header.element.byteCount(shape: header.shape) else {
      throw FileError.malformed(url.path, "the shape \(header.shape) is too large")
    }
    let found = mapping.count - header.byteCount
    guard count == found else {
      let hint = found < count ? "; the file may be truncated" : ""
      throw FileError.malformed(
        url.path, "expected \(count) bytes of numbers for shape \(header.shape), found \(found)\(hint)")
    }
    self.mapping = mapping
    element = header.element
    shape = header.shape
    range = header.byteCount..<mapping.count
  }

  /// The number of rows: the outermost size, or 1 for a scalar.
  public var rowCount: Int { shape.first ?? 1 }

  /// The bytes of row `index`, counted from the file's start.
  public func range(ofRow index: Int) throws -> Range<Int> {
    guard (0..<rowCount).contains(index) else {
      throw FileError.invalid(mapping.url.path, "there is no row \(index) among \(rowCount)")
    }
    let stride = range.count / rowCount
    return range.lowerBound + index * stride..<range.lowerBound + (index + 1) * stride
  }

  /// Lends the bytes of row `index`, or of all rows, to `body`.
  public func withBytes<Result>(
    ofRow index: Int? = nil, _ body: (UnsafeRawBufferPointer) throws -> Result
  ) throws -> Result {
    var lent = range
    if let index { lent = try range(ofRow: index) }
    return try mapping.withBytes(in: lent, body)
  }
}
