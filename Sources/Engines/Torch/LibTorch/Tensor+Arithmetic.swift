// Element by element, with broadcasting; numbers keep the tensor's type.

extension Tensor {
  public static func + (left: Tensor, right: Tensor) throws -> Tensor {
    try call("aten::add.Tensor", .tensor(left), .tensor(right))
  }

  public static func + (left: Tensor, right: Double) throws -> Tensor {
    try call("aten::add.Scalar", .tensor(left), .double(right))
  }

  public static func - (left: Tensor, right: Tensor) throws -> Tensor {
    try call("aten::sub.Tensor", .tensor(left), .tensor(right))
  }

  public static func - (left: Tensor, right: Double) throws -> Tensor {
    try call("aten::sub.Scalar", .tensor(left), .double(right))
  }

  public static func - (left: Double, right: Tensor) throws -> Tensor {
    try call("aten::rsub.Scalar", .tensor(right), .double(left))
  }

  public static func * (left: Tensor, right: Tensor) throws -> Tensor {
    try call("aten::mul.Tensor", .tensor(left), .tensor(right))
  }

  public static func * (left: Tensor, right: Double) throws -> Tensor {
    try call("aten::mul.Scalar", .tensor(left), .double(right))
  }

  /// The quotient; of integers it is float32.
  public static func / (left: Tensor, right: Tensor) throws -> Tensor {
    try call("aten::div.Tensor", .tensor(left), .tensor(right))
  }

  /// The quotient by a number; of integers it is float32.
  public static func / (left: Tensor, right: Double) throws -> Tensor {
    try call("aten::div.Scalar", .tensor(left), .double(right))
  }

  /// Integer division, rounded toward minus infinity.
  public func floorDivided(by divisor: Int) throws -> Tensor {
    try call("aten::floor_divide.Scalar", .tensor(self), .int(divisor))
  }

  /// The remainder of integer division, with the divisor's sign.
  public func remainder(by divisor: Int) throws -> Tensor {
    try call("aten::remainder.Scalar", .tensor(self), .int(divisor))
  }

  public static prefix func - (operand: Tensor) throws -> Tensor {
    try call("aten::neg", .tensor(operand))
  }

  public func pow(_ exponent: Double) throws -> Tensor {
    try call("aten::pow.Tensor_Scalar", .tensor(self), .double(exponent))
  }

  public func square() throws -> Tensor { try self * self }

  /// A number to the power of each element.
  public func pow(base: Double) throws -> Tensor {
    try call("aten::pow.Scalar", .double(base), .tensor(self))
  }

  public func sqrt() throws -> Tensor { try call("aten::sqrt", .tensor(self)) }

  public func reciprocal() throws -> Tensor { try call("aten::reciprocal", .tensor(self)) }

  public func abs() throws -> Tensor { try call("aten::abs", .tensor(self)) }

  public func exp() throws -> Tensor { try call("aten::exp", .tensor(self)) }

  public func log() throws -> Tensor { try call("aten::log", .tensor(self)) }

  public func sin() throws -> Tensor { try call("aten::sin", .tensor(self)) }

  public func cos() throws -> Tensor { try call("aten::cos", .tensor(self)) }

  public func tanh() throws -> Tensor { try call("aten::tanh", .tensor(self)) }

  public func floor() throws -> Tensor { try call("aten::floor", .tensor(self)) }

  /// The nearest integer; ties go to the even one.
  public func round() throws -> Tensor { try call("aten::round", .tensor(self)) }

  /// Each element limited to the given bounds.
  public func clamp(min: Double? = nil, max: Double? = nil) throws -> Tensor {
    try call("aten::clamp", .tensor(self), min.map(Argument.double) ?? .none, max.map(Argument.double) ?? .none)
  }

  /// Whether elements are equal; bool.
  public func equals(_ other: Tensor) throws -> Tensor {
    try call("aten::eq.Tensor", .tensor(self), .tensor(other))
  }

  /// Whether elements are less than or equal; bool.
  public func lessThanOrEqual(_ other: Tensor) throws -> Tensor {
    try call("aten::le.Tensor", .tensor(self), .tensor(other))
  }

  public func and(_ other: Tensor) throws -> Tensor {
    try call("aten::logical_and", .tensor(self), .tensor(other))
  }

  public func or(_ other: Tensor) throws -> Tensor {
    try call("aten::logical_or", .tensor(self), .tensor(other))
  }

  public func not() throws -> Tensor { try call("aten::logical_not", .tensor(self)) }

  /// Whether elements are neither infinite nor NaN; bool.
  public func isFinite() throws -> Tensor { try call("aten::isfinite", .tensor(self)) }

  /// `first` where `condition` is true, `second` elsewhere.
  public static func `where`(_ condition: Tensor, then first: Tensor, else second: Tensor) throws -> Tensor {
    try call("aten::where.self", .tensor(condition), .tensor(first), .tensor(second))
  }

  /// A copy with `value` wherever `mask` is true.
  public func maskedFill(_ mask: Tensor, value: Double) throws -> Tensor {
    try call("aten::masked_fill.Scalar", .tensor(self), .tensor(mask), .double(value))
  }
}
