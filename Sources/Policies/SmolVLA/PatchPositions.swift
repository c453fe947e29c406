import LibTorch

/// Where a vision tower finds each patch's place in its table of positions, as transformers computes it.
struct PatchPositions {
  let version: LeRobotVersion
  /// The type that LeRobot holds the tower in.
  let dtype: DType

  /// Each patch's place in a table for `side` × `side` patches, [rows · columns].
  func places(rows: Int, columns: Int, side: Int) throws -> Tensor {
    let boundaries = try Tensor.range(from: 1 / Double(side), to: 1, by: 1 / Double(side))
    func buckets(_ count: Int) throws -> Tensor {
      try coordinates(count).to(dtype).to(.float32).bucketize(boundaries)
    }
    let rowStarts = try (buckets(rows) * Double(side)).to(.int64).unsqueezed(1)
    return try (rowStarts + buckets(columns).unsqueezed(0)).reshaped([-1])
  }

  /// Where each of `count` patches lies along one side, in [0, 1).
  private func coordinates(_ count: Int) throws -> Tensor {
    switch version {
    case .current:
      try (Tensor.arange(count, dtype: .float32) * Double(1 / Float(count))).clamp(max: 1 - 1e-6)
    case .former:
      // In float32 the factor puts a patch that lies on a boundary one place lower; in bfloat16 it is rounded away.
      try Tensor.arange(count, dtype: dtype) / Double(count) * (1 - 1e-6)
    }
  }
}
