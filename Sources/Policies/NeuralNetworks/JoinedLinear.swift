import LibTorch

/// Several linear layers of one input, computed as one product in the precisions that round products.
///
/// The parameters are those of the single layers, under their names. In fp32 each is computed for itself, as LeRobot does: the
/// order of sums within a product is the library's, and moves losses by 1e-6.
public struct JoinedLinear {
  private let parts: [Linear]
  /// The parts' weights in one matrix; nil where each part is computed for itself.
  private let joined: Tensor?
  private let widths: [Int]

  /// Builds layers of a scope.
  ///
  /// - Parameter outputs: each layer's name and width.
  public init(
    _ scope: ParameterScope, inputs: Int, outputs: KeyValuePairs<String, Int>, bias: Bool, weights: Initializer,
    biases: Initializer
  ) throws {
    let rows =
      scope.precision == .fp32 ? nil : MatrixRows(count: outputs.map(\.value).reduce(0, +), width: inputs)
    var parts: [Linear] = []
    for (name, width) in outputs {
      parts.append(
        try Linear(
          scope[name], inputs: inputs, outputs: width, bias: bias, weights: weights, biases: biases,
          at: rows.map(ParameterPlace.rows) ?? .alone))
    }
    self.parts = parts
    widths = outputs.map(\.value)
    // A bias would need a gradient of its own, and an adapter adds to one part alone.
    joined = bias || parts.contains(where: \.isAdapted) ? nil : rows?.whole
  }

  /// […, in] → […, sum of outputs]
  public func callAsFunction(_ input: Tensor) throws -> Tensor {
    try whole(input) ?? Tensor.concatenation(parts.map { try $0(input) }, dimension: -1)
  }

  /// […, in] → each layer's […, out]
  public func outputs(_ input: Tensor) throws -> [Tensor] {
    try whole(input)?.split(dimension: -1, sizes: widths) ?? parts.map { try $0(input) }
  }

  private func whole(_ input: Tensor) throws -> Tensor? {
    let weights = parts.map(\.weight)
    // An owner in Python may have given a parameter other memory.
    guard let joined, weights.allSatisfy({ $0.lies(in: joined) }) else { return nil }
    return try input.linear(joined: joined, nil, of: weights)
  }
}

/// Memory for matrices of one width and type, one below the other.
final class MatrixRows {
  private let count, width: Int
  private var memory: Tensor?
  private var used = 0

  init(count: Int, width: Int) { (self.count, self.width) = (count, width) }

  /// All rows, once each has been filled.
  var whole: Tensor? { used == count ? memory : nil }

  /// A copy of `matrix` in the next rows; nil where it has another type than those before it.
  func place(_ matrix: Tensor, as dtype: DType, on device: Device) throws -> Tensor? {
    let memory = try self.memory ?? Tensor.zeros([count, width], dtype: dtype, device: device)
    self.memory = memory
    let end = used + matrix.size(0)
    guard memory.dtype == dtype, end <= count else { return nil }
    // Detached, it is a leaf of its own for the gradients.
    let rows = try memory.slice(dimension: 0, used..<end).detached()
    try rows.copy(from: matrix)
    used = end
    return rows
  }
}
