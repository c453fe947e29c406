// Views where libtorch has them: nothing is copied unless the comment mentions it. Negative dimensions count from the last.

extension Tensor {
  /// The same elements in another shape; one size may be -1. Copies if no view exists.
  public func reshaped(_ shape: [Int]) throws -> Tensor {
    try call("aten::reshape", .tensor(self), .ints(shape))
  }

  public func transposed(_ first: Int, _ second: Int) throws -> Tensor {
    try call("aten::transpose.int", .tensor(self), .int(first), .int(second))
  }

  /// The dimensions in another order.
  public func permuted(_ dimensions: [Int]) throws -> Tensor {
    try call("aten::permute", .tensor(self), .ints(dimensions))
  }

  /// Inserts a dimension of size 1.
  public func unsqueezed(_ dimension: Int) throws -> Tensor {
    try call("aten::unsqueeze", .tensor(self), .int(dimension))
  }

  /// Removes a dimension of size 1.
  public func squeezed(_ dimension: Int) throws -> Tensor {
    try call("aten::squeeze.dim", .tensor(self), .int(dimension))
  }

  /// Dimensions of size 1 repeated up to `shape`; -1 keeps a size.
  public func expanded(_ shape: [Int]) throws -> Tensor {
    try call("aten::expand", .tensor(self), .ints(shape))
  }

  /// Dimensions `first` and after it merged into one.
  public func flattened(from first: Int) throws -> Tensor {
    try call("aten::flatten.using_ints", .tensor(self), .int(first))
  }

  /// The elements `range` of one dimension.
  public func slice(dimension: Int, _ range: Range<Int>) throws -> Tensor {
    try call("aten::slice.Tensor", .tensor(self), .int(dimension), .int(range.lowerBound), .int(range.upperBound))
  }

  /// One dimension in reverse, copied.
  public func flipped(dimension: Int) throws -> Tensor {
    try call("aten::flip", .tensor(self), .ints([dimension]))
  }

  /// One element of a dimension, which is removed.
  public func select(dimension: Int, index: Int) throws -> Tensor {
    try call("aten::select.int", .tensor(self), .int(dimension), .int(index))
  }

  /// The elements of one dimension at `indices` (int64), copied.
  public func indexSelect(dimension: Int, indices: Tensor) throws -> Tensor {
    try call("aten::index_select", .tensor(self), .int(dimension), .tensor(indices))
  }

  /// Pieces of the given sizes along one dimension.
  public func split(dimension: Int, sizes: [Int]) throws -> [Tensor] {
    try callAll("aten::split_with_sizes", [.tensor(self), .ints(sizes), .int(dimension)], results: sizes.count)
  }

  /// Tensors joined along one dimension, copied.
  public static func concatenation(_ tensors: [Tensor], dimension: Int) throws -> Tensor {
    try call("aten::cat", .tensors(tensors), .int(dimension))
  }

  /// Tensors of one shape joined along a new dimension, copied.
  public static func stack(_ tensors: [Tensor], dimension: Int = 0) throws -> Tensor {
    try call("aten::stack", .tensors(tensors), .int(dimension))
  }

  /// Padding with `value`: (before, after) of the last dimension, then of the one before it, and so on.
  public func padded(_ amounts: [Int], value: Double = 0) throws -> Tensor {
    try call("aten::constant_pad_nd", .tensor(self), .ints(amounts), .double(value))
  }

  /// One dimension shifted by `count`; what leaves at its end comes in at its start.
  public func rolled(by count: Int, dimension: Int) throws -> Tensor {
    try call("aten::roll", .tensor(self), .ints([count]), .ints([dimension]))
  }

  /// Each dimension repeated as a whole, copied.
  public func `repeat`(_ repeats: [Int]) throws -> Tensor {
    try call("aten::repeat", .tensor(self), .ints(repeats))
  }
}
