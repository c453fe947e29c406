extension Tensor {
  /// The sum of all elements.
  public func sum() throws -> Tensor { try call("aten::sum", .tensor(self)) }

  public func sum(dimensions: [Int], keepDimensions: Bool = false) throws -> Tensor {
    try call("aten::sum.dim_IntList", .tensor(self), .ints(dimensions), .bool(keepDimensions))
  }

  /// The mean of all elements.
  public func mean() throws -> Tensor { try call("aten::mean", .tensor(self)) }

  public func mean(dimensions: [Int], keepDimensions: Bool = false) throws -> Tensor {
    try call("aten::mean.dim", .tensor(self), .ints(dimensions), .bool(keepDimensions))
  }

  /// The largest elements along some dimensions.
  public func amax(dimensions: [Int], keepDimensions: Bool = false) throws -> Tensor {
    try call("aten::amax", .tensor(self), .ints(dimensions), .bool(keepDimensions))
  }

  /// The largest absolute element; 0 for an empty tensor.
  public func maxAbs() throws -> Double {
    elementCount == 0 ? 0 : try call("aten::max", .tensor(abs())).item()
  }

  /// `log(Σ exp(x))` over a dimension, which stays with length 1.
  public func logSumExp(dimension: Int) throws -> Tensor {
    try call("aten::logsumexp", .tensor(self), .ints([dimension]), .bool(true))
  }

  /// Euclidean norms along some dimensions.
  public func norm(dimensions: [Int], keepDimensions: Bool = false) throws -> Tensor {
    try call("aten::linalg_vector_norm", .tensor(self), .double(2), .ints(dimensions), .bool(keepDimensions))
  }

  /// The Euclidean norm of all elements.
  public func norm() throws -> Tensor { try call("aten::linalg_vector_norm", .tensor(self)) }

  /// The Euclidean norm of each tensor, in one kernel launch if the device has one.
  public static func norms(of tensors: [Tensor]) throws -> [Tensor] {
    try callAll("aten::_foreach_norm.Scalar", [.tensors(tensors)], results: tensors.count)
  }

  /// Cumulative sums along one dimension.
  public func cumsum(dimension: Int) throws -> Tensor {
    try call("aten::cumsum", .tensor(self), .int(dimension))
  }

  /// Whether every element is true.
  public func allTrue() throws -> Bool { try call("aten::all", .tensor(self)).item() != 0 }

  /// Whether shape, type and every element of both are the same.
  public func isIdentical(to other: Tensor) throws -> Bool {
    guard shape == other.shape, dtype == other.dtype else { return false }
    return try equals(other).allTrue()
  }
}
