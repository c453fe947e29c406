import Foundation

/// Writes an `.npy` file row by row, and can continue where a killed process stopped.
///
/// Rows go to `NAME.partial` beside the final place; `finish()` fills in the number of rows and renames it.
/// ```swift
/// let writer = try NumpyWriter(url, .float16, rowShape: [256, 1024], resume: true)
/// for frame in writer.rowsWritten..<frames { try writer.append(latents(of: frame)) }
/// try writer.finish(rows: frames)
/// ```
public final class NumpyWriter {
  public let url: URL
  /// The rows written so far, those of earlier processes included.
  public private(set) var rowsWritten = 0
  private let overwrite: Bool
  private let file: WritableFile
  private var header: NumpyHeader
  private let rowByteCount: Int

  /// The name under which an unfinished file at `url` lies.
  public static func partialURL(of url: URL) -> URL { url.appendingPathExtension("partial") }

  /// Opens an unfinished file beside `url`.
  ///
  /// With `resume`, an unfinished file of the same dtype and row shape is continued after its last whole row, or after
  /// row `rows` if given; of another shape it is an error. Without, it is started again. A second process that writes
  /// the same file is refused. A finished file at `url` is an error unless `overwrite`.
  public init(
    _ url: URL, _ element: TensorElement, rowShape: [Int], resume: Bool = false, keepingRows rows: Int? = nil,
    overwrite: Bool = false
  ) throws {
    guard NumpyHeader.description(of: element) != nil else {
      throw FileError.unsupported(url.path, "dtype \(element.rawValue) in .npy files")
    }
    guard let rowByteCount = element.byteCount(shape: rowShape), rowByteCount > 0 else {
      throw FileError.invalid(url.path, "rows of shape \(rowShape) cannot be stored")
    }
    guard overwrite || access(url.path, F_OK) != 0 else { throw FileError.exists(url.path) }
    let partial = Self.partialURL(of: url)
    let exists = access(partial.path, F_OK) == 0
    file = try WritableFile(partial.path, creating: !exists)
    try file.lock()
    self.url = url
    self.overwrite = overwrite
    self.rowByteCount = rowByteCount
    header = NumpyHeader(element: element, shape: [0] + rowShape)
    if exists, resume {
      rowsWritten = try Self.wholeRows(in: partial, header, rowByteCount)
    }
    if let rows {
      guard rows <= rowsWritten, rows >= 0 else {
        throw FileError.invalid(partial.path, "expected \(rows) rows or more to continue from, found \(rowsWritten)")
      }
      rowsWritten = rows
    }
    if rowsWritten == 0 {
      try file.truncate(to: 0)
      try write(header.encoded())
    }
    try file.truncate(to: end)
    try file.seek(to: end)
  }

  private var end: Int { header.byteCount + rowsWritten * rowByteCount }

  /// The whole rows of an unfinished file, whose header must be `header`.
  private static func wholeRows(in partial: URL, _ header: NumpyHeader, _ rowByteCount: Int) throws -> Int {
    let mapping = try MappedFile(partial)
    // Killed before its header was whole, it has nothing to keep.
    guard mapping.count >= header.byteCount else { return 0 }
    let found = try NumpyHeader(mapping)
    guard found == header else {
      throw FileError.invalid(
        partial.path,
        "expected an unfinished file of \(header.element.rawValue) rows of shape \(Array(header.shape.dropFirst())), "
          + "found \(found.element.rawValue) and \(Array(found.shape.dropFirst())); delete it to start again")
    }
    return (mapping.count - header.byteCount) / rowByteCount
  }

  /// Appends whole rows of row-major numbers.
  public func append(_ rows: UnsafeRawBufferPointer) throws {
    guard rows.count % rowByteCount == 0 else {
      throw FileError.invalid(url.path, "expected rows of \(rowByteCount) bytes, found \(rows.count) bytes")
    }
    try file.write(rows)
    rowsWritten += rows.count / rowByteCount
  }

  /// Appends whole rows of row-major numbers, whose size must be that of the file's element.
  public func append<Value: BitwiseCopyable>(_ rows: [Value]) throws {
    try rows.withUnsafeBytes { bytes in try append(bytes) }
  }

  /// Flushes the rows to the disk, so that even a power cut keeps them.
  public func synchronize() throws { try file.synchronize() }

  /// Fills in the number of rows and gives the file its final name; `rows`, if given, must be that number.
  public func finish(rows: Int? = nil) throws {
    guard rows == nil || rows == rowsWritten else {
      throw FileError.invalid(url.path, "expected \(rows ?? 0) rows at the end, found \(rowsWritten)")
    }
    header.shape[0] = rowsWritten
    try file.seek(to: 0)
    try write(header.encoded())
    try file.publish(as: url.path, overwrite: overwrite)
  }

  private func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { buffer in Result { try file.write(buffer) } }.get()
  }
}
