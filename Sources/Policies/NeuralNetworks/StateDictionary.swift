import Foundation
import LibTorch
import ModelFiles
import OrderedCollections

/// Tensors by name, as a safetensors file holds them.
public typealias StateDictionary = OrderedDictionary<String, Tensor>

extension Tensor {
  /// The tensors of a safetensors file; their bytes stay in the file's pages until they are changed or moved.
  ///
  /// - Throws: `FileError` for a damaged file or one with a type that libtorch lacks.
  public static func load(_ url: URL) throws -> StateDictionary {
    let file = try SafetensorsFile(url)
    var tensors: StateDictionary = [:]
    for entry in file.entries.values {
      guard let dtype = DType(entry.element) else {
        throw FileError.malformed(
          url.path, "tensor \"\(entry.name)\" has the type \(entry.element.rawValue), which is not read here")
      }
      let part = try MappedPart(file.mapping, entry.range)
      guard let bytes = part.unsafeBytes.baseAddress, !entry.range.isEmpty else {
        tensors[entry.name] = try Tensor.zeros(entry.shape, dtype: dtype)
        continue
      }
      guard UInt(bitPattern: bytes) % UInt(dtype.byteCount) == 0 else {
        // A file that does not align its numbers is legal; the engine needs them aligned.
        tensors[entry.name] = try Tensor(bytes: dtype, shape: entry.shape) { destination in
          destination.copyMemory(from: UnsafeRawBufferPointer(start: bytes, count: entry.range.count))
        }
        continue
      }
      // Nobody writes through this pointer: parameters are copied out of it, everything else only reads.
      tensors[entry.name] = try Tensor(
        borrowing: UnsafeMutableRawPointer(mutating: bytes), shape: entry.shape, dtype: dtype, owner: part)
    }
    return tensors
  }

  /// Writes tensors to a safetensors file, in order, beside and renamed.
  public static func save(
    _ tensors: StateDictionary, to url: URL, metadata: OrderedDictionary<String, String> = [:], overwrite: Bool = false
  ) throws {
    let onHost = try tensors.mapValues { try $0.detached().to(Device.cpu).contiguous() }
    let entries = onHost.map { name, tensor in
      SafetensorsTensor(name, TensorElement(tensor.dtype), shape: tensor.shape) { sink throws in
        let written = try? tensor.withBytes { bytes in
          Result { try sink(bytes) }
        }
        guard let written else { throw FileError.invalid(url.path, "tensor \"\(name)\" could not be read") }
        try written.get()
      }
    }
    try writeSafetensors(entries, metadata: metadata, to: url, overwrite: overwrite)
  }
}

extension DType {
  /// The type of a file's elements; nil for those that torch computes nothing with.
  init?(_ element: TensorElement) {
    guard let same = DType.allCases.first(where: { TensorElement($0) == element }) else { return nil }
    self = same
  }
}

extension TensorElement {
  init(_ dtype: DType) {
    switch dtype {
    case .float64: self = .float64
    case .float32: self = .float32
    case .float16: self = .float16
    case .bfloat16: self = .bfloat16
    case .int64: self = .int64
    case .int32: self = .int32
    case .int16: self = .int16
    case .int8: self = .int8
    case .uint8: self = .uint8
    case .bool: self = .bool
    }
  }
}
