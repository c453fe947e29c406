import Failures
import ModelFiles
import MuJoCoPhysics
import RobotPolicies
import LibTorch

extension Device {
  /// The device of a `--device` flag; without one a GPU if there is one.
  static func chosen(_ name: String?) throws -> Device {
    guard let name else { return try TorchEngine.shared().deviceCount > 0 ? .cuda(0) : .cpu }
    guard let device = Device(name) else {
      throw Failure("--policy.device=\(name): expected cpu, cuda or cuda:N")
    }
    let engine = try TorchEngine.shared()
    if case .cuda(let index) = device, engine.deviceCount <= index {
      throw Failure(
        "--policy.device=\(name): torch \(engine.version) finds \(engine.deviceCount) such devices; use cpu, or set "
          + "WM_TORCH_DIR to a torch with GPU support")
    }
    return device
  }
}

/// Sets `--num_compute_threads`; 0 leaves torch's choice, all cores.
func useComputeThreads(_ count: Int) throws {
  if count > 0 { try TorchEngine.shared().setThreadCount(count) }
}

/// The versions that results depend on; null where an engine cannot be had.
func engineVersions() -> JSON {
  [
    "torch": (try? TorchEngine.shared().version).map(JSON.string) ?? .null,
    "mujoco": (try? PhysicsEngine.version).map(JSON.string) ?? .null,
  ]
}
