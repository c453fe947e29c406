import LibTorch

/// Tensors that depend only on shapes, devices or a checkpoint, each computed at its first use.
///
/// Used by one thread, as the model that it belongs to.
public final class TensorCache<Key: Hashable> {
  private var tensors: [Key: Tensor] = [:]

  public init() {}

  /// Returns the tensor of `key`, calling `make` the first time.
  public func callAsFunction(_ key: Key, make: () throws -> Tensor) throws -> Tensor {
    if let known = tensors[key] { return known }
    let tensor = try make()
    tensors[key] = tensor
    return tensor
  }
}
