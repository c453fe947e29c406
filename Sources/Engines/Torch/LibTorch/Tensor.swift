import CTorch
import Failures

/// A libtorch tensor; its memory is freed with the last reference.
///
/// Not `Sendable`: pass values, not tensors, between tasks. Every operation throws `Failure` with libtorch's
/// message if shapes, types or devices do not match.
public final class Tensor {
  /// libtorch's own tensor, for C.
  package let handle: OpaquePointer

  /// Takes over a reference that libtorch gave.
  package init(owning handle: OpaquePointer) { self.handle = handle }

  deinit { api.release(handle) }

  /// libtorch, which made this tensor.
  var api: wm_torch_api { TorchEngine.loaded.api }

  private var info: wm_tensor_info {
    var info = wm_tensor_info()
    api.info(handle, &info)
    return info
  }

  /// Sizes of the dimensions, outermost first.
  public var shape: [Int] {
    let rank = self.rank
    guard rank > 0 else { return [] }
    return withUnsafeTemporaryAllocation(of: Int64.self, capacity: rank) { sizes in
      api.sizes(handle, sizes.baseAddress)
      return sizes.map(Int.init)
    }
  }

  public var rank: Int { Int(info.rank) }

  public var elementCount: Int { Int(info.element_count) }

  public var dtype: DType {
    let code = info.dtype
    guard let dtype = DType(rawValue: code) else {
      preconditionFailure("DType has no case for libtorch's type \(code)")
    }
    return dtype
  }

  /// The device that holds the elements.
  public var device: Device {
    let info = info
    return info.device_type == 0 ? .cpu : .cuda(max(0, Int(info.device_index)))
  }

  /// Whether gradients are computed for it.
  public var requiresGrad: Bool { info.requires_grad != 0 }

  /// Size of one dimension; negative numbers count from the last.
  public func size(_ dimension: Int) -> Int {
    let shape = self.shape
    return shape[dimension < 0 ? dimension + shape.count : dimension]
  }
}

extension Tensor {
  /// A tensor of Swift numbers, in row-major order.
  public convenience init<Scalar: TensorScalar>(_ scalars: [Scalar], shape: [Int], device: Device = .cpu) throws {
    let onHost = try Tensor(bytes: Scalar.dtype, shape: shape) { destination throws in
      guard scalars.count == destination.count / Scalar.dtype.byteCount else {
        throw Failure("\(scalars.count) numbers do not fill the shape \(shape)")
      }
      scalars.withUnsafeBytes { destination.copyMemory(from: $0) }
    }
    let arguments: [Argument] = [.tensor(onHost), .device(device), .dtype(Scalar.dtype)]
    guard case .some(.some(let handle)) = try callHandles("aten::to.device", arguments, results: 1).first else {
      throw Failure("libtorch returned no tensor on \(device)")
    }
    self.init(owning: handle)
  }

  /// A tensor on the CPU whose bytes `fill` writes, in row-major order.
  public convenience init(
    bytes dtype: DType, shape: [Int], fill: (UnsafeMutableRawBufferPointer) throws -> Void
  ) throws {
    let arguments: [Argument] = [.ints(shape), .dtype(dtype)]
    guard case .some(.some(let handle)) = try callHandles("aten::empty.memory_format", arguments, results: 1).first
    else { throw Failure("libtorch returned no memory for the shape \(shape)") }
    self.init(owning: handle)
    let count = shape.reduce(1, *) * dtype.byteCount
    guard count > 0 else { return }
    try fill(UnsafeMutableRawBufferPointer(start: api.data(handle), count: count))
  }

  /// A tensor over memory that `owner` keeps alive; nothing is copied.
  public convenience init(
    borrowing bytes: UnsafeMutableRawPointer, shape: [Int], dtype: DType, owner: AnyObject
  ) throws {
    let engine = try TorchEngine.shared()
    let context = Unmanaged.passRetained(owner)
    let made = engine.api.from_blob(
      bytes, shape.map(Int64.init), Int32(shape.count), dtype.rawValue,
      { $0.map { Unmanaged<AnyObject>.fromOpaque($0).release() } }, context.toOpaque())
    guard let made else {
      context.release()
      throw engine.api.lastError
    }
    self.init(owning: made)
  }

  /// The elements as Swift numbers, in row-major order, converted to `Scalar`'s type.
  public func scalars<Scalar: TensorScalar>(_ type: Scalar.Type = Scalar.self) throws -> [Scalar] {
    let source = try detached().to(Scalar.dtype).to(.cpu).contiguous()
    return try source.withBytes { bytes in Array(bytes.bindMemory(to: Scalar.self)) }
  }

  /// Reads the bytes of a contiguous tensor on the CPU.
  public func withBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) throws -> Result {
    let info = info
    guard info.device_type == 0, info.is_contiguous != 0 else {
      throw Failure("bytes can be read only from a contiguous tensor on the CPU")
    }
    guard info.element_count > 0 else { return body(UnsafeRawBufferPointer(start: nil, count: 0)) }
    let start = api.data(handle)
    return withExtendedLifetime(self) {
      body(UnsafeRawBufferPointer(start: start, count: Int(info.byte_count)))
    }
  }

  /// Whether the first element is in the memory of a contiguous tensor.
  public func lies(in whole: Tensor) -> Bool {
    guard let place = api.data(handle), let start = api.data(whole.handle) else { return false }
    return (0..<Int(whole.info.byte_count)).contains(place - start)
  }

  /// The only element, as a double.
  public func item() throws -> Double {
    var value = 0.0
    guard api.item(handle, &value) == 0 else { throw api.lastError }
    return value
  }
}
