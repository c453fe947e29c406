import Foundation

/// The environment variables that limit the GPUs that a process sees.
///
/// ROCm filters twice: `ROCR_VISIBLE_DEVICES` first, by the driver's number, and `HIP_VISIBLE_DEVICES` then counts what
/// is left, so that it must be 0 for one GPU. HIP reads `CUDA_VISIBLE_DEVICES` only if its own variable is not set; CUDA
/// reads no other, and by the driver's number.
public struct GPUVisibility: Sendable, CustomStringConvertible {
  private static let names = ["HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES"]

  public let variables: [(name: String, value: String)]

  /// The limits that an environment sets.
  public init(of environment: [String: String] = ProcessInfo.processInfo.environment) {
    variables = Self.names.compactMap { name in environment[name].map { (name, $0) } }
  }

  /// Limits a process to one GPU.
  ///
  /// - Parameter gpu: an index or UUID, as the driver counts.
  public init(only gpu: String) { variables = zip(Self.names, ["0", gpu, gpu]).map { ($0, $1) } }

  /// `HIP_VISIBLE_DEVICES=0 ROCR_VISIBLE_DEVICES=1 …`
  public var description: String { variables.map { "\($0.name)=\($0.value)" }.joined(separator: " ") }
}
