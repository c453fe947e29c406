import Failures
import Foundation
import LibTorch

/// A function of a batch that a GPU repeats as one graph, once it has been called often enough with the same shapes.
///
/// A function that may be recorded depends on nothing but the batch and on tensors that change in place, and reads no number
/// back. On a CPU, where libtorch records no graphs, and with `WM_GRAPHS=0` in the environment it is called as it is.
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
  /// How far the first repetition may be from what is expected, relative to the largest number.
  private static let tolerance = 1e-2

  public init() {}

  /// Calls `body`, or repeats what it did with tensors of these shapes.
  ///
  /// - Parameters:
  ///   - variant: tells functions apart that do different things with the same shapes.
  ///   - expected: what `body` gives, without changing anything; the first repetition is compared with it. Nil where `body`
  ///     itself changes nothing.
  /// - Throws: what `body` throws, and a first repetition that gives something else.
  public func callAsFunction(
    _ batch: Batch, _ variant: String = "", on device: Device, expecting expected: ((Batch) throws -> Batch)? = nil,
    _ body: (Batch) throws -> Batch
  ) throws -> Batch {
    guard device != .cpu, obstacle == nil else { return try body(batch) }
    guard DeviceGraph.isAvailable(on: device) else {
      obstacle = "this libtorch records no graphs; 2.13 does"
      return try body(batch)
    }
    guard ProcessInfo.processInfo.environment["WM_GRAPHS"] != "0" else {
      obstacle = "WM_GRAPHS=0"
      return try body(batch)
    }
    let key = Key(
      variant: variant, shapes: batch.tensors.map { "\($0) \($1.shape) \($1.dtype.rawValue) \($1.device)" })
    if let recording = recordings[key] { return try recording.repeated(with: batch) }
    guard calls[key, default: 0] == Self.callsBefore, recordings.count < Self.most else {
      calls[key, default: 0] = min(calls[key, default: 0] + 1, Self.callsBefore)
      return try body(batch)
    }
    let expectation = if let expected { try expected(batch) } else { try body(batch) }
    let recording: Recording
    do { recording = try Recording(of: body, batch, on: device) } catch {
      obstacle = "\(error)"
      return try body(batch)
    }
    recordings[key] = recording
    let results = try recording.repeated(with: batch)
    try Self.check(results, against: expectation)
    return results
  }

  private static func check(_ results: Batch, against expected: Batch) throws {
    for (name, wanted) in expected.tensors {
      let wanted = try wanted.detached().to(.float32)
      let difference = try (results.require(name).to(.float32) - wanted).abs().amax(dimensions: []).item()
      let scale = try wanted.abs().amax(dimensions: []).item()
      // Not the other way round, so that a difference that is NaN is one; what is NaN without a graph is not its fault.
      guard difference <= tolerance * scale || !scale.isFinite else {
        throw Failure(
          "`\(name)` computed as a graph differs by \(difference) from \(scale): this libtorch repeats something wrongly; set "
            + "WM_GRAPHS=0 to do without graphs")
      }
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
