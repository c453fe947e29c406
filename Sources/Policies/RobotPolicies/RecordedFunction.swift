import LibTorch

/// A function of a batch that a GPU repeats as one graph, once it has been called often enough with the same shapes.
///
/// A function that may be recorded depends on nothing but the batch and on tensors that change in place, and reads no number
/// back. On a CPU, and where libtorch records no graphs, it is called as it is.
public final class RecordedFunction {
  fileprivate struct Recording {
    let graph: DeviceGraph
    let inputs, outputs: Batch
  }

  private struct Key: Hashable {
    let variant: String
    let shapes: [String]
  }

  /// Why the function is not recorded on a GPU; nil where it is, may yet be, or need not be.
  public private(set) var obstacle: String?
  private var calls: [Key: Int] = [:]
  private var recordings: [Key: Recording] = [:]
  /// Before these, libraries still choose their kernels and take their memory.
  private static let callsBefore = 2
  /// Each holds the memory of all that it computes.
  private static let most = 2

  public init() {}

  /// Calls `body`, or repeats what it did with tensors of these shapes.
  ///
  /// - Parameter variant: tells functions apart that do different things with the same shapes.
  public func callAsFunction(
    _ batch: Batch, _ variant: String = "", on device: Device, _ body: (Batch) throws -> Batch
  ) throws -> Batch {
    guard device != .cpu, obstacle == nil else { return try body(batch) }
    guard DeviceGraph.isAvailable(on: device) else {
      obstacle = "this libtorch records no graphs; 2.13 does"
      return try body(batch)
    }
    let key = Key(
      variant: variant, shapes: batch.tensors.map { "\($0) \($1.shape) \($1.dtype.rawValue) \($1.device)" })
    if let recording = recordings[key] { return try recording.repeated(with: batch) }
    guard calls[key, default: 0] == Self.callsBefore, recordings.count < Self.most else {
      calls[key, default: 0] = min(calls[key, default: 0] + 1, Self.callsBefore)
      return try body(batch)
    }
    do {
      let recording = try Recording(of: body, batch, on: device)
      recordings[key] = recording
      return try recording.repeated(with: batch)
    } catch {
      obstacle = "\(error)"
      return try body(batch)
    }
  }
}

extension RecordedFunction.Recording {
  init(of body: (Batch) throws -> Batch, _ batch: Batch, on device: Device) throws {
    var inputs = Batch()
    for (name, tensor) in batch.tensors { inputs[name] = try tensor.detached().clone() }
    var outputs = Batch()
    graph = try DeviceGraph(on: device) {
      for (name, tensor) in try body(inputs).tensors { outputs[name] = try tensor.detached() }
    }
    (self.inputs, self.outputs) = (inputs, outputs)
  }

  func repeated(with batch: Batch) throws -> Batch {
    try withoutGradients {
      for (name, input) in inputs.tensors { try input.copy(from: batch.require(name)) }
      try graph.replay()
      var results = Batch()
      for (name, output) in outputs.tensors { results[name] = try output.clone() }
      return results
    }
  }
}
