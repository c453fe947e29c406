import LibTorch

/// V-JEPA 2's rotary position embedding: a token's frame, row and column each turn one group of a head's dimensions.
///
/// As published: the angles of a group are tiled (f0 … fn, f0 … fn) while the dimensions they turn are interleaved
/// pairs, and the frequencies are computed in the input's own type, so that bfloat16 has coarser ones. Dimensions left
/// over by the three groups are not turned.
struct VJEPA2Rotary {
  /// [tokens, turned]; the sines of even dimensions are negative.
  private let cosines, sines: Tensor
  private let turned: Int

  /// The angles of `frames` tubelets of `grid` × `grid` tokens; `group` dimensions turn with each axis.
  init(frames: Int, grid: Int, group: Int, dtype: DType, device: Device) throws {
    let tokens = try Tensor.arange(frames * grid * grid, device: device)
    let frame = try tokens.floorDivided(by: grid * grid)
    let row = try tokens.remainder(by: grid * grid).floorDivided(by: grid)
    let column = try tokens.remainder(by: grid)
    let fractions = try Tensor.arange(group / 2, dtype: dtype, device: device) / (Double(group) / 2)
    let frequencies = try fractions.pow(base: 10_000).reciprocal()
    var angles: [Tensor] = []
    for position in [frame, row, column] {
      let angle = try position.unsqueezed(-1) * frequencies
      angles += [angle, angle]
    }
    let all = try Tensor.concatenation(angles, dimension: -1)
    turned = 3 * group
    let signs = try Tensor([-1, 1] as [Float], shape: [2]).to(dtype).to(device).repeat([turned / 2])
    cosines = try all.cos()
    sines = try all.sin() * signs
  }

  /// Queries or keys [B, heads, tokens, head size] → the same shape, turned.
  func callAsFunction(_ input: Tensor) throws -> Tensor {
    let size = input.size(-1)
    let head = size == turned ? input : try input.slice(dimension: -1, 0..<turned)
    // Half the time of an interleaved copy of both.
    let exchanged = try head.reshaped(head.shape.dropLast() + [turned / 2, 2]).flipped(dimension: -1).flattened(from: 3)
    let rotated = try head * cosines + exchanged * sines
    return size == turned
      ? rotated : try Tensor.concatenation([rotated, input.slice(dimension: -1, turned..<size)], dimension: -1)
  }
}
