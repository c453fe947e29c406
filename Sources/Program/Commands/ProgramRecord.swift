import CProgramVersion
import LibTorch
import ModelFiles
import MuJoCoPhysics

/// The program that made a file of results, and its engines.
enum ProgramRecord {
  static var json: JSON { ["version": .string(ProgramVersion.number), "commit": .string(String(cString: wm_commit))] }

  /// `0.1.0, commit 841ef6e90c1d`; a plus sign says that files were changed since.
  static var text: String {
    let commit = String(cString: wm_commit)
    return "\(ProgramVersion.number), commit \(commit.prefix(12))\(commit.hasSuffix("+") ? "+" : "")"
  }

  /// The versions of the engines that results depend on; null for one that is not installed.
  static var engines: JSON {
    [
      "torch": (try? TorchEngine.shared().version).map(JSON.string) ?? .null,
      "mujoco": (try? PhysicsEngine.version).map(JSON.string) ?? .null,
    ]
  }

}
