import CTorch

/// Work of a GPU that is recorded once and then repeated as a whole, without the time that starting each operation takes:
/// a CUDA or HIP graph.
///
/// A repetition reads and writes the memory that the recorded tensors have.
public final class DeviceGraph {
  private let handle: OpaquePointer
  private let api: wm_torch_api

  /// Whether this libtorch can record the work of the device.
  public static func isAvailable(on device: Device) -> Bool {
    guard device != .cpu, let engine = try? TorchEngine.shared() else { return false }
    return engine.api.records_graphs() != 0
  }

  /// Records what `body` asks of the device, without doing it.
  ///
  /// - Throws: what `body` throws; libtorch's reason where something in it cannot be recorded, such as reading a number back.
  public init(on device: Device, recording body: () throws -> Void) throws {
    api = try TorchEngine.shared().api
    guard case .cuda(let index) = device, let handle = api.begin_graph(Int32(index)) else { throw api.lastError }
    self.handle = handle
    let result = Result(catching: body)
    let isEnded = api.end_graph(handle) == 0
    try result.get()
    guard isEnded else { throw api.lastError }
  }

  deinit { api.release_graph(handle) }

  /// Does the recorded work again; it is queued, not waited for.
  public func replay() throws {
    guard api.replay_graph(handle) == 0 else { throw api.lastError }
  }
}
