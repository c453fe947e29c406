import Failures
import Foundation
import OrderedCollections

/// A memory-mapped safetensors file whose every length, offset and shape has been checked.
///
/// ```swift
/// let file = try SafetensorsFile(url)
/// let weights = try file.entry("model.weight")
/// let sum = try file.withBytes(of: weights) { $0.bindMemory(to: Float.self).reduce(0, +) }
/// ```
public struct SafetensorsFile: Sendable {
  /// One tensor's place in the file.
  public struct Entry: Sendable, Equatable {
    public let name: String
    public let element: TensorElement
    /// Its sizes, outermost first; empty for a scalar.
    public let shape: [Int]
    /// Its bytes, counted from the file's start; row-major, little-endian, and in files of other writers perhaps unaligned.
    public let range: Range<Int>
  }

  /// The file's bytes; keep this object alive for as long as an engine uses them.
  public let mapping: MappedFile
  /// The tensors by name, in the order of the header.
  public let entries: OrderedDictionary<String, Entry>
  /// The header's `__metadata__`.
  public let metadata: OrderedDictionary<String, String>

  /// Larger headers are refused, as in the reference implementation.
  static let largestHeader = 100_000_000

  /// Maps and checks the file at `url`.
  public init(_ url: URL) throws {
    let mapping = try MappedFile(url)
    try refuseGitLFSPointer(url.path)
    let header = try Self.header(of: mapping)
    var entries = OrderedDictionary<String, Entry>()
    var metadata = OrderedDictionary<String, String>()
    for (name, value) in header.members {
      if name == "__metadata__" {
        metadata = try Self.metadata(value, url)
      } else {
        entries[name] = try Self.entry(name, value, dataStart: header.end, fileEnd: mapping.count, url)
      }
    }
    try Self.checkLayout(entries.values.elements, dataStart: header.end, fileEnd: mapping.count, url)
    self.mapping = mapping
    self.entries = entries
    self.metadata = metadata
  }

  /// The tensor called `name`, or an error if there is none.
  public func entry(_ name: String) throws -> Entry {
    if let entry = entries[name] { return entry }
    throw FileError.malformed(
      mapping.url.path, "expected a tensor \"\(name)\", found \(entries.count) tensors without it")
  }

  /// Lends the bytes of `entry` to `body`.
  public func withBytes<Result>(of entry: Entry, _ body: (UnsafeRawBufferPointer) throws -> Result) throws -> Result {
    try mapping.withBytes(in: entry.range, body)
  }

  // MARK: Header

  private static func header(of mapping: MappedFile) throws -> (members: OrderedDictionary<String, JSON>, end: Int) {
    let path = mapping.url.path
    guard mapping.count >= 8 else {
      throw FileError.malformed(
        path, "expected a safetensors file, found only \(mapping.count) bytes; the file may be truncated")
    }
    let length = try mapping.withBytes(in: 0..<8) { UInt64(littleEndian: $0.loadUnaligned(as: UInt64.self)) }
    guard length <= largestHeader else {
      throw FileError.malformed(
        path, "expected a safetensors header of at most \(largestHeader) bytes, found \(length)")
    }
    let end = 8 + Int(length)
    let bytes = try mapping.withBytes(in: 8..<end) { Array($0) }
    do {
      if case .object(let members) = try JSON(parsing: bytes) { return (members, end) }
    } catch {
      throw FileError.malformed(path, "expected a JSON header, but at \(error)")
    }
    throw FileError.malformed(path, "expected the header to be a JSON object")
  }

  private static func metadata(_ value: JSON, _ url: URL) throws -> OrderedDictionary<String, String> {
    guard let members = value.object else {
      throw FileError.malformed(url.path, "expected __metadata__ to be a JSON object")
    }
    var metadata = OrderedDictionary<String, String>()
    for (key, value) in members {
      guard let text = value.string else {
        throw FileError.malformed(url.path, "expected metadata \"\(key)\" to be a text")
      }
      metadata[key] = text
    }
    return metadata
  }

  private static func entry(_ name: String, _ value: JSON, dataStart: Int, fileEnd: Int, _ url: URL) throws -> Entry {
    let tensor = "tensor \"\(name)\""
    guard let dtype = value["dtype"]?.string else { throw FileError.malformed(url.path, "\(tensor) has no dtype") }
    guard let element = TensorElement(rawValue: dtype) else {
      throw FileError.unsupported(url.path, "\(tensor)'s dtype \(dtype)")
    }
    guard let sizes = value["shape"]?.array, let offsets = value["data_offsets"]?.array, offsets.count == 2,
      case .integer(let begin) = offsets[0], case .integer(let end) = offsets[1]
    else { throw FileError.malformed(url.path, "expected \(tensor) to have a shape and two data_offsets") }
    var shape: [Int] = []
    for size in sizes {
      guard case .integer(let size) = size, size >= 0 else {
        throw FileError.malformed(
          url.path, "expected \(tensor)'s sizes to be integers from 0 on, found \(size.text(.compact))")
      }
      shape.append(size)
    }
    guard begin >= 0, begin <= end, end <= fileEnd - dataStart else {
      throw FileError.malformed(
        url.path,
        "\(tensor) lies at bytes \(begin) to \(end), but the file holds \(fileEnd - dataStart) bytes of data; "
          + "it may be truncated")
    }
    guard let count = element.byteCount(shape: shape), count == end - begin else {
      throw FileError.malformed(
        url.path, "\(tensor) of shape \(shape) and dtype \(dtype) does not fit into its \(end - begin) bytes")
    }
    return Entry(name: name, element: element, shape: shape, range: dataStart + begin..<dataStart + end)
  }

  /// The tensors must fill the data without overlap or hole, as the format demands.
  private static func checkLayout(_ entries: [Entry], dataStart: Int, fileEnd: Int, _ url: URL) throws {
    var position = dataStart
    for entry in entries.sorted(by: {
      ($0.range.lowerBound, $0.range.upperBound) < ($1.range.lowerBound, $1.range.upperBound)
    }) {
      guard entry.range.lowerBound == position else {
        let fault = entry.range.lowerBound < position ? "overlaps another tensor" : "follows a hole"
        throw FileError.malformed(url.path, "tensor \"\(entry.name)\" \(fault) at byte \(entry.range.lowerBound)")
      }
      position = entry.range.upperBound
    }
    guard position == fileEnd else {
      throw FileError.malformed(
        url.path, "expected the tensors to fill the file, found \(fileEnd - position) more bytes")
    }
  }
}
