/// Runs `body` as PyTorch's autocast does: products, convolutions and attention of float32 tensors are rounded to `dtype`
/// first, gradients included; nil turns it off.
///
/// Synchronous on purpose: the setting is per thread and would be lost across an `await`.
public func withAutocast<Result>(
  _ dtype: DType?, on device: Device, _ body: () throws -> Result
) throws -> Result {
  let api = try TorchEngine.shared().api
  let before = api.set_autocast(device.typeNumber, dtype?.rawValue ?? -1)
  defer { _ = api.set_autocast(device.typeNumber, before) }
  return try body()
}
