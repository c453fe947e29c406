import LayeredSettings
import LibTorch

/// The arithmetic of a policy's products, convolutions and attention. Sums, the residual stream of what is trained, and the
/// loss are float32 always, and so are the parameters that an optimizer changes.
public enum Precision: String, Sendable, CaseIterable, ConfigurationValue {
  case fp32
  /// float32 whose products a GPU may round to TF32's 10 bits.
  case tf32
  /// bfloat16, in which frozen parameters are held too. A CPU that multiplies float32 faster computes in float32.
  case bf16

  /// The type of the products on a device.
  public func productType(on device: Device) -> DType {
    self == .bf16 && device.multipliesBFloat16 ? .bfloat16 : .float32
  }

  /// Runs `body`, whose parameters are held as `parameter` is, with products in this precision.
  public func products<Result>(with parameter: Tensor, _ body: () throws -> Result) throws -> Result {
    guard productType(on: parameter.device) == .bfloat16 else { return try body() }
    // What is held in bfloat16 needs no rounding, and autocast would compute its normalizations in float32 on a GPU.
    return try withAutocast(parameter.dtype == .float32 ? .bfloat16 : nil, on: parameter.device, body)
  }
}
