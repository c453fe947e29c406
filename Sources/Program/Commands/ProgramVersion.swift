import CProgramVersion
import LibTorch
import ModelFiles
import MuJoCoPhysics

/// The program that made a file of results, and its engines.
enum ProgramVersion {
  static let version = "0.9.0"

  static var json: JSON { ["version": .string(version), "commit": .string(String(cString: wm_commit))] }

  /// The versions of the engines that results depend on; null for one that is not installed.
  static var engines: JSON {
    [
      "torch": (try? TorchEngine.shared().version).map(JSON.string) ?? .null,
      "mujoco": (try? PhysicsEngine.version).map(JSON.string) ?? .null,
    ]
  }

}
