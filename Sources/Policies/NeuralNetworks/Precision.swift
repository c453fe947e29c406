import LayeredSettings
import LibTorch

/// The arithmetic of a policy's products, convolutions and attention. Sums, the residual stream of what is trained, and the
/// loss are float32 always, and so are the parameters that an optimizer changes.
public enum Precision: String, Sendable, CaseIterable, ConfigurationValue {
  case fp32
  /// float32 whose products a GPU may round to TF32's 10 bits.
  case tf32
  /// bfloat16; frozen parameters are held in it too.
  case bf16

  /// Runs `body`, whose parameters are held as `parameter` is, with products in this precision.
  public func products<Result>(with parameter: Tensor, _ body: () throws -> Result) throws -> Result {
    guard self == .bf16 else { return try body() }
    // What is held in bfloat16 needs no rounding, and autocast would compute its normalizations in float32 on a GPU.
    return try withAutocast(parameter.dtype == .float32 ? .bfloat16 : nil, on: parameter.device, body)
  }
}
