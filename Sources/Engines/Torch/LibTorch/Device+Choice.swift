import Failures
import Foundation

extension Device {
  /// Returns the device of a name, or a GPU if there is one and no name is given.
  ///
  /// - Throws: if the name is not `cpu`, `cuda` or `cuda:N`, or the device is not there.
  public static func chosen(_ name: String? = nil) throws -> Device {
    let engine = try TorchEngine.shared()
    guard let name else { return engine.deviceCount > 0 ? .cuda(0) : .cpu }
    guard let device = Device(name) else { throw Failure("`device=\(name)`: expected cpu, cuda or cuda:N") }
    if case .cuda(let index) = device, engine.deviceCount <= index {
      throw Failure(
        "`device=\(name)`: torch \(engine.version) finds \(engine.deviceCount) such devices; use cpu, or set "
          + "WM_TORCH_DIR to a torch with GPU support")
    }
    return device
  }

  /// Whether the hardware multiplies bfloat16 itself; every GPU is taken to.
  public var multipliesBFloat16: Bool {
    guard self == .cpu else { return true }
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    let flags = text.split(separator: "\n").first { $0.hasPrefix("flags") || $0.hasPrefix("Features") } ?? ""
    // Intel's and AMD's names, and Arm's.
    return !Set(["avx512_bf16", "amx_bf16", "bf16"]).isDisjoint(with: flags.split(separator: " ").map(String.init))
  }
}
