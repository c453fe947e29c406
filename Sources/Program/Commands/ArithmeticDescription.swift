import Experiments
import Failures
import LibTorch
import NeuralNetworks
import SmolVLA

extension SmolVLAConfiguration {
  /// What a command computes on and in, in one line for people.
  func arithmeticDescription(on device: Device) throws -> String {
    let (engine, visibility) = (try TorchEngine.shared(), GPUVisibility())
    let limits = visibility.variables.isEmpty ? "" : " (\(visibility))"
    let threads = counted(engine.threadCount, "compute thread")
    return
      "device \(device)\(limits), torch \(engine.version), \(threads), precision \(precisionWithReason(on: device))"
  }

  private func precisionWithReason(on device: Device) -> String {
    let chosen = precision(on: device)
    if chosen == .bf16, !device.multipliesBFloat16 { return "bf16 in float32, which this CPU multiplies faster" }
    guard precision == nil, !compatibility.usesAutomaticMixedPrecision else {
      return precision == chosen || precision == nil ? chosen.rawValue : "\(chosen.rawValue), as a CPU has no tf32"
    }
    let reason =
      if chosen == .bf16 { "for published weights" } else if compatibility.loadsVLMWeights {
        "where a CPU multiplies it faster"
      } else { "for weights that are not the published ones" }
    return "\(chosen.rawValue), the default \(reason)"
  }
}
