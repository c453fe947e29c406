import Foundation
import OrderedCollections

/// A tensor to be written, with a way to get at its bytes when its turn comes.
public struct SafetensorsTensor {
  /// Receives a tensor's bytes, in one piece or several.
  public typealias Sink = (UnsafeRawBufferPointer) throws -> Void

  public let name: String
  public let element: TensorElement
  public let shape: [Int]
  let stream: (Sink) throws -> Void

  /// A tensor whose row-major bytes `stream` hands to the sink, without a copy in between.
  public init(_ name: String, _ element: TensorElement, shape: [Int], stream: @escaping (Sink) throws -> Void) {
    self.name = name
    self.element = element
    self.shape = shape
    self.stream = stream
  }

  /// A tensor of the numbers in `values`, whose size must be that of `element`.
  public init<Value: BitwiseCopyable>(_ name: String, _ element: TensorElement, shape: [Int], values: [Value]) {
    self.init(name, element, shape: shape) { sink throws in
      try values.withUnsafeBytes { bytes in try sink(bytes) }
    }
  }
}

/// Writes `tensors` to a safetensors file at `url`, beside and renamed; the header keeps their order.
///
/// The data lies largest element first, so that every tensor is aligned to its element. Errors: a name twice, bytes that
/// do not fit the shape, an existing file without `overwrite`, and whatever the disk says.
public func writeSafetensors(
  _ tensors: [SafetensorsTensor], metadata: OrderedDictionary<String, String> = [:], to url: URL,
  overwrite: Bool = false
) throws {
  let layout = tensors.indices.sorted {
    (-tensors[$0].element.byteCount, $0) < (-tensors[$1].element.byteCount, $1)
  }
  var ranges = [Range<Int>](repeating: 0..<0, count: tensors.count)
  var position = 0
  for index in layout {
    let tensor = tensors[index]
    guard let count = tensor.element.byteCount(shape: tensor.shape), count <= Int.max - position else {
      throw FileError.invalid(url.path, "tensor \"\(tensor.name)\" of shape \(tensor.shape) cannot be stored")
    }
    ranges[index] = position..<position + count
    position += count
  }

  var header = OrderedDictionary<String, JSON>()
  if !metadata.isEmpty { header["__metadata__"] = .object(metadata.mapValues { .string($0) }) }
  for (tensor, range) in zip(tensors, ranges) {
    guard header[tensor.name] == nil, tensor.name != "__metadata__" else {
      throw FileError.invalid(url.path, "tensor name \"\(tensor.name)\" cannot be stored twice or is reserved")
    }
    header[tensor.name] = [
      "dtype": .string(tensor.element.rawValue), "shape": .array(tensor.shape.map { .integer($0) }),
      "data_offsets": [.integer(range.lowerBound), .integer(range.upperBound)],
    ]
  }
  var bytes = Array(JSON.object(header).text(.compact).utf8)
  bytes.append(contentsOf: repeatElement(0x20, count: (8 - bytes.count % 8) % 8))

  let file = try AtomicFile(url, overwrite: overwrite)
  try file.write(withUnsafeBytes(of: UInt64(bytes.count).littleEndian) { Array($0) })
  try file.write(bytes)
  for index in layout {
    var written = 0
    try tensors[index].stream { piece throws in
      written += piece.count
      try file.write(piece)
    }
    guard written == ranges[index].count else {
      throw FileError.invalid(
        url.path,
        "tensor \"\(tensors[index].name)\" gave \(written) bytes where its shape asks for \(ranges[index].count)")
    }
  }
  try file.commit()
}
