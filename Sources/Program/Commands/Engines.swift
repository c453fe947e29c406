import LibTorch
import ModelFiles
import MuJoCoPhysics
import RobotPolicies

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
