import CounterBasedRandom
import LibTorch

/// The overhead of one operation, and the speed of a matrix product.
func tensorBenchmarks() throws -> [Measurement] {
  let one = try Tensor.ones([1])
  let matrix = try Tensor.normal([512, 512], CountedRandom(seed: 0, "bench"))
  return try withoutGradients {
    [
      try Measurement("tensor: add two numbers", "op", count: 10_000) { for _ in 0..<10_000 { _ = try one + one } },
      try Measurement("tensor: matrix product, 512 × 512 × 512", "op", count: 10) {
        for _ in 0..<10 { _ = try matrix.matmul(matrix) }
      },
    ]
  }
}
