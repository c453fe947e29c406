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

  /// Whether the hardware multiplies bfloat16 faster than float32; every GPU is taken to.
  public var multipliesBFloat16: Bool {
    self != .cpu || Self.processorMultipliesBFloat16
  }

  private static let processorMultipliesBFloat16 = multipliesBFloat16(
    (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? "")

  /// The same of a CPU that the system describes like this.
  ///
  /// Intel's vector instructions are half as fast as float32's (145 against 317 GFLOP/s on two cores of a fifth-generation Xeon without
  /// AMX), AMD's twice as fast (404 against 198).
  static func multipliesBFloat16(_ description: String) -> Bool {
    func words(_ names: String...) -> Set<String> {
      let line = description.split(separator: "\n").first { line in names.contains { line.hasPrefix($0) } } ?? ""
      return Set(line.split { $0 == " " || $0 == "\t" }.map(String.init))
    }
    // Intel's and AMD's names, and Arm's.
    let flags = words("flags", "Features")
    return flags.contains("amx_bf16") || flags.contains("bf16")
      || flags.contains("avx512_bf16") && words("vendor_id").contains("AuthenticAMD")
  }
}
