import CProgramVersion
import Foundation
import LibTorch
import ModelFiles
import MuJoCoPhysics
import OrderedCollections

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

  /// The environment variables that are set and with which the engines choose other kernels.
  static var numerics: JSON {
    variables([
      "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA", "ONEDNN_DEFAULT_FPMATH_MODE", "MKL_CBWR",
      "MKL_ENABLE_INSTRUCTIONS", "NVIDIA_TF32_OVERRIDE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
      "TORCH_BLAS_PREFER_CUBLASLT", "TORCH_BLAS_PREFER_HIPBLASLT", "CUBLAS_WORKSPACE_CONFIG", "MIOPEN_FIND_MODE",
      "WM_GRAPHS",
    ])
  }

  /// Those of the variables that are set, by name.
  static func variables(_ names: [String]) -> JSON {
    let environment = ProcessInfo.processInfo.environment
    return .object(
      OrderedDictionary(
        uniqueKeysWithValues: names.sorted().compactMap { name in environment[name].map { (name, .string($0)) } }))
  }
}
