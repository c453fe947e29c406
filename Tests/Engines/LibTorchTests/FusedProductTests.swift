import LibTorch
import Testing

struct FusedProductTests {
  private func numbers(_ shape: [Int], _ seed: Int) throws -> Tensor {
    let count = shape.reduce(1, *)
    let values = (0..<count).map { Float(($0 * 7919 + seed) % 1009) / 504.5 - 1 }
    return try Tensor(values, shape: shape).to(.bfloat16)
  }

  /// One rounding instead of two: within a step of bfloat16 of the product and its function in float32.
  @Test(arguments: [Tensor.GELU.exact, .tanh], [1, 37, 96])
  func `a product with its function is that of float32, rounded once`(form: Tensor.GELU, rows: Int) throws {
    let (input, weight, bias) = (try numbers([2, rows, 48], 1), try numbers([80, 48], 2), try numbers([80], 3))
    let exact = try input.to(.float32).linear(weight.to(.float32), bias.to(.float32)).gelu(form)
    let found = try input.linearGELU(weight, bias, form)
    #expect(found.dtype == .bfloat16 && found.shape == [2, rows, 80])
    let expected = try exact.to(.bfloat16).to(.float32).scalars(Float.self)
    for (one, other) in zip(try found.to(.float32).scalars(Float.self), expected) {
      #expect(abs(one - other) <= 0.008 * abs(other) + 1e-3)
    }
  }

  /// With few rows or many, on a CPU with fast bfloat16 products or slow ones.
  @Test(arguments: [5, 96])
  func `products and attention of bfloat16 are float32's, rounded`(rows: Int) throws {
    let (queries, keys, values) = (
      try numbers([2, 3, rows, 16], 1), try numbers([2, 3, 70, 16], 2), try numbers([2, 3, 70, 16], 3)
    )
    let mask = try numbers([1, 1, rows, 70], 4)
    func attended(_ dtype: DType) throws -> Tensor {
      try Tensor.attention(
        queries: queries.to(dtype), keys: keys.to(dtype), values: values.to(dtype), mask: mask.to(dtype))
    }
    func multiplied(_ dtype: DType) throws -> Tensor { try queries.to(dtype).matmul(keys.to(dtype).transposed(2, 3)) }
    for compute in [attended, multiplied] {
      let found = try compute(.bfloat16)
      #expect(found.dtype == .bfloat16)
      let expected = try compute(.float32).scalars(Float.self)
      for (one, other) in zip(try found.to(.float32).scalars(Float.self), expected) {
        #expect(abs(one - other) <= 0.008 * abs(other) + 4e-3)
      }
    }
  }

  @Test func `float32, and what is trained, go the usual way`() throws {
    let (input, weight) = (try Tensor.full([3, 16], 0.25), try Tensor.full([16, 16], 0.5))
    let bias = try Tensor.zeros([16])
    #expect(try input.linearGELU(weight, bias, .tanh).isIdentical(to: input.linear(weight, bias).gelu(.tanh)))
    let trained = try weight.to(.bfloat16)
    try trained.setRequiresGrad(true)
    let half = try input.to(.bfloat16)
    let output = try half.linearGELU(trained, bias.to(.bfloat16), .exact)
    try output.sum().backward()
    #expect(trained.gradient != nil)
  }
}
