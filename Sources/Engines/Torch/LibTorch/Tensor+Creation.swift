import CounterBasedRandom

extension Tensor {
  public static func zeros(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
    try call("aten::zeros", .ints(shape), .dtype(dtype), .none, .device(device))
  }

  public static func ones(_ shape: [Int], dtype: DType = .float32, device: Device = .cpu) throws -> Tensor {
    try call("aten::ones", .ints(shape), .dtype(dtype), .none, .device(device))
  }

  /// A tensor filled with one number.
  public static func full(
    _ shape: [Int], _ value: Double, dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    try call("aten::full", .ints(shape), .double(value), .dtype(dtype), .none, .device(device))
  }

  /// The integers 0 ..< `count`.
  public static func arange(_ count: Int, dtype: DType = .int64, device: Device = .cpu) throws -> Tensor {
    try call("aten::arange", .int(count), .dtype(dtype), .none, .device(device))
  }

  /// `start`, `start` + `step` … below `end`, as float32.
  public static func range(from start: Double, to end: Double, by step: Double) throws -> Tensor {
    try call("aten::arange.start_step", .double(start), .double(end), .double(step), .dtype(.float32))
  }

  /// `count` numbers from `start` to `end`, both included.
  public static func linspace(
    _ start: Double, _ end: Double, count: Int, dtype: DType = .float32, device: Device = .cpu
  ) throws -> Tensor {
    try call("aten::linspace", .double(start), .double(end), .int(count), .dtype(dtype), .none, .device(device))
  }

  /// Standard normal numbers, a function of `random` alone.
  public static func normal(_ shape: [Int], _ random: CountedRandom, device: Device = .cpu) throws -> Tensor {
    try Tensor(random.normals(count: shape.reduce(1, *)), shape: shape).to(device)
  }

  /// Zeros of the same shape, type and device.
  public func zerosLike() throws -> Tensor { try call("aten::zeros_like", .tensor(self)) }

  /// The same numbers in another type; the tensor itself if it already has that type.
  public func to(_ dtype: DType) throws -> Tensor {
    try call("aten::to.dtype", .tensor(self), .dtype(dtype))
  }

  /// The same numbers on another device; the tensor itself if it is already there.
  ///
  /// What goes to a GPU is queued there, from memory that stays in place, and not waited for.
  public func to(_ device: Device) throws -> Tensor {
    guard device != .cpu, self.device == .cpu else {
      return try call("aten::to.device", .tensor(self), .device(device), .dtype(dtype))
    }
    let pinned = try call("aten::pin_memory", .tensor(self))
    return try call("aten::to.device", .tensor(pinned), .device(device), .dtype(dtype), .bool(true))
  }

  /// A copy with its own memory.
  public func clone() throws -> Tensor { try call("aten::clone", .tensor(self)) }

  /// The same numbers, contiguous in row-major order; the tensor itself if it already is.
  public func contiguous() throws -> Tensor { try call("aten::contiguous", .tensor(self)) }
}
