import Failures
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

  @Test(arguments: [true, false])
  func `a frozen weight in bfloat16 gives float32 what its widened copy gives, gradients included`(hasBias: Bool) throws
  {
    let (weight, bias) = (try numbers([80, 48], 2), hasBias ? try numbers([80], 3) : nil)
    func outputAndGradient(_ weight: Tensor, _ bias: Tensor?) throws -> (Tensor, Tensor?) {
      let input = try numbers([2, 37, 48], 1).to(.float32)
      try input.setRequiresGrad(true)
      let output = try input.linear(weight, bias)
      try (output * output).sum().backward()
      return (output, input.gradient)
    }
    let (output, gradient) = try outputAndGradient(weight, bias)
    let (expected, expectedGradient) = try outputAndGradient(weight.to(.float32), bias?.to(.float32))
    #expect(output.dtype == .float32)
    #expect(try output.isIdentical(to: expected))
    #expect(try #require(gradient).isIdentical(to: #require(expectedGradient)))
    #expect(weight.gradient == nil)
  }

  @Test func `a weight in bfloat16 that is trained, or its bias, gets its gradient`() throws {
    let (input, weight, bias) = (try numbers([3, 48], 1).to(.float32), try numbers([80, 48], 2), try numbers([80], 3))
    try weight.setRequiresGrad(true)
    try bias.setRequiresGrad(true)
    try input.linear(weight, bias).sum().backward()
    // Of a sum: the bias's is the number of rows, the weight's the sum of the rows.
    #expect(try #require(bias.gradient).isIdentical(to: Tensor.full([80], 3).to(.bfloat16)))
    let expected = try input.sum(dimensions: [0], keepDimensions: true).expanded([80, 48])
    let found = try #require(weight.gradient).to(.float32)
    #expect(try (found - expected).norm().item() < 0.01 * expected.norm().item())
  }

  @Test func `a weight that is trained in float32 is rounded for numbers in bfloat16, and gets its gradient`() throws {
    let (input, weight) = (try numbers([3, 48], 1), try numbers([80, 48], 2).to(.float32))
    try weight.setRequiresGrad(true)
    let output = try input.linear(weight, nil)
    #expect(try output.isIdentical(to: input.linear(weight.detached().to(.bfloat16), nil)))
    try output.sum().backward()
    #expect(try #require(weight.gradient).dtype == .float32)
  }

  @Test func `a frozen weight that does not fit is refused in one line`() throws {
    let error = #expect(throws: Failure.self) { try Tensor.ones([2, 5]).linear(numbers([80, 48], 2), nil) }
    #expect(error?.description.contains("\n") == false)
  }

  @Test(arguments: [Tensor.GELU.exact, .tanh], [DType.float32, .bfloat16])
  func `in float32 it is the function of the product, bit for bit, of a widened weight too`(
    form: Tensor.GELU, held: DType
  ) throws {
    let (input, weight, bias) = (
      try numbers([2, 37, 48], 1).to(.float32), try numbers([80, 48], 2).to(held), try numbers([80], 3).to(.float32)
    )
    let found = try input.linearGELU(weight, bias, form)
    let expected = try input.linear(weight, bias).gelu(form)
    #expect(found.dtype == .float32)
    #expect(try found.isIdentical(to: expected))
  }

  @Test func `what is trained goes the usual way`() throws {
    let (input, weight) = (try Tensor.full([3, 16], 0.25), try Tensor.full([16, 16], 0.5))
    let bias = try Tensor.zeros([16])
    let trained = try weight.to(.bfloat16)
    try trained.setRequiresGrad(true)
    let half = try input.to(.bfloat16)
    let output = try half.linearGELU(trained, bias.to(.bfloat16), .exact)
    try output.sum().backward()
    #expect(trained.gradient != nil)
  }

  @Test(arguments: [DType.float32, .bfloat16])
  func `a rotation of halves is what its formula says, and so is its gradient`(dtype: DType) throws {
    let values = try numbers([2, 5, 3, 8], 4).to(dtype)
    let half = try numbers([1, 5, 1, 4], 5).to(.float32)
    let cosines = try Tensor.concatenation([half.cos(), half.cos()], dimension: -1)
    let sines = try Tensor.concatenation([-half.sin(), half.sin()], dimension: -1)
    func outputAndGradient(_ body: (Tensor) throws -> Tensor) throws -> [Tensor] {
      let input = try values.clone()
      try input.setRequiresGrad(true)
      let output = try body(input)
      try (output * output * half.select(dimension: 3, index: 0).unsqueezed(-1)).sum().backward()
      return try [output, #require(input.gradient)]
    }
    let found = try outputAndGradient { try $0.rotated(cosines: cosines, sines: sines) }
    let expected = try outputAndGradient {
      try ($0 * cosines + $0.rolled(by: 4, dimension: -1) * sines).to(dtype)
    }
    for (one, other) in zip(found, expected) {
      #expect(one.dtype == dtype && one.shape == other.shape)
      let deviation = try (one.to(.float32) - other.to(.float32)).norm().item()
      #expect(try deviation <= (dtype == .float32 ? 1e-6 : 0.01) * other.to(.float32).norm().item())
    }
  }
}
