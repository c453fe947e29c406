import CTorch
import EngineLoading
import Failures
import Foundation

/// The libtorch of this process, opened once, on first use.
public struct TorchEngine: Sendable {
  let api: wm_torch_api
  /// libtorch's version, such as `2.13.0+cpu`.
  public let version: String

  private static let opened: Result<TorchEngine, any Error> = Result { try open() }

  /// The engine.
  ///
  /// - Throws: what is missing and how to install it.
  public static func shared() throws -> TorchEngine {
    // A switch rather than `get()`: every operation calls this.
    switch opened {
    case .success(let engine): return engine
    case .failure(let error): throw error
    }
  }

  /// The engine behind an existing tensor.
  static var loaded: TorchEngine {
    guard case .success(let engine) = opened else {
      preconditionFailure("a tensor was used before libtorch was loaded")
    }
    return engine
  }

  private static func open() throws -> TorchEngine {
    let deps = try EngineLibraries.directory()
    let given = ProcessInfo.processInfo.environment["WM_TORCH_DIR"].flatMap { $0.isEmpty ? nil : $0 }
    let torch = given.map { URL(fileURLWithPath: $0) } ?? deps.appendingPathComponent("engines/torch/torch")
    let version = try installedVersion(in: torch)
    let libraries = torch.appendingPathComponent("lib")
    // How long threads look for work before they sleep; read at loading. On two cores an action chunk takes 3.8 s with 1,000
    // rounds, 3.3 s with 10,000 and 2.9 s with 200,000; of two processes at once each takes 7.3, 8.2 and 46 s.
    if getenv("OMP_WAIT_POLICY") == nil { setenv("GOMP_SPINCOUNT", "10000", 0) }
    // Large pages for large tensors: without them small products wait for the memory of their weights.
    setenv("THP_MEM_ALLOC_ENABLE", "1", 0)
    // 6 is silence: the profiler reports its start and end otherwise.
    setenv("KINETO_LOG_LEVEL", "6", 0)
    for name in ["libc10.so", "libtorch_cpu.so"] {
      // Opened first and by path, so that the shim binds to this torch and no other.
      try EngineLibraries.open(libraries.appendingPathComponent(name), engine: "libtorch")
    }
    // Opening one registers its kernels; a torch for CPUs has neither.
    for name in ["libtorch_cuda.so", "libtorch_hip.so"] {
      let library = libraries.appendingPathComponent(name)
      guard FileManager.default.fileExists(atPath: library.path) else { continue }
      try EngineLibraries.open(library, engine: "libtorch for GPUs")
    }
    var api = wm_torch_api()
    try EngineLibraries.load(
      deps.appendingPathComponent("shims/libwm_torch-\(version).so"), engine: "the shim for torch \(version)",
      prefix: "wm_torch_", names: wm_torch_function_names, into: &api)
    guard api.compiled_abi() == api.loaded_abi() else {
      throw Failure("the shim was compiled for another torch than \(torch.path); \(EngineLibraries.remedy)")
    }
    return TorchEngine(api: api, version: version)
  }

  private static func installedVersion(in torch: URL) throws -> String {
    let file = torch.appendingPathComponent("version.py")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      throw Failure("no torch in \(torch.path): version.py is missing; \(EngineLibraries.remedy), or fix WM_TORCH_DIR")
    }
    let line = text.split(separator: "\n").first { $0.hasPrefix("__version__") } ?? ""
    let parts = line.split(separator: "'")
    guard parts.count >= 2 else { throw Failure("\(file.path) contains no version; reinstall that torch") }
    return String(parts[1])
  }

  /// Threads that one CPU operation may use; results on the CPU repeat bit for bit only at a fixed number.
  public var threadCount: Int { Int(api.thread_count()) }

  /// Fixes the number of threads that one CPU operation may use.
  public func setThreadCount(_ count: Int) { api.set_thread_count(Int32(count)) }

  /// Lets GPUs round the inputs of float32 products to TF32's 10 bits, for the whole process.
  public func allowTF32(_ isAllowed: Bool) { api.allow_tf32(isAllowed ? 1 : 0) }

  /// The number of visible CUDA or ROCm devices.
  public var deviceCount: Int { Int(api.device_count()) }

  /// The most bytes that tensors on a GPU have taken at once so far; nil for a CPU, and where libtorch does not say.
  public func peakMemory(of device: Device) -> Int? {
    guard case .cuda(let index) = device else { return nil }
    let bytes = api.peak_memory(Int32(index))
    return bytes < 0 ? nil : Int(bytes)
  }

  /// Waits until a device has finished its queued work, for example before reading a clock.
  public func synchronize(_ device: Device) {
    if case .cuda(let index) = device { _ = api.synchronize(Int32(index)) }
  }
}
