import LibTorch
import Testing
import Tracing

struct ProfilerTests {
  @Test func `operators are recorded where and when they ran, those of autograd too`() throws {
    let engine = try TorchEngine.shared()
    let weight = try Tensor.full([64, 64], 0.5)
    try weight.setRequiresGrad(true)
    try engine.startProfiler()
    let start = Tracer.now()
    let product = try weight.matmul(weight)
    let middle = Tracer.now()
    try product.sum().backward()
    let end = Tracer.now()
    var trace = Trace(began: start)
    try engine.stopProfiler(into: &trace)
    let products = trace.spans.filter { $0.name == "aten::mm" }.sorted { $0.start < $1.start }
    // One of the product and one of each factor's gradient; the clocks are compared to a millisecond.
    #expect(products.count == 3)
    let slack: UInt64 = 1_000_000
    let first = try #require(products.first)
    #expect(first.start + slack >= start && first.end <= middle + slack)
    #expect(products.dropFirst().allSatisfy { $0.start + slack >= middle && $0.end <= end + slack })
    #expect(Set(trace.spans.map(\.row.group)) == ["libtorch's operators"])
    // What runs after the end belongs to no recording.
    _ = try weight.matmul(weight)
    var later = Trace(began: 0)
    try engine.startProfiler()
    try engine.stopProfiler(into: &later)
    #expect(!later.spans.contains { $0.name == "aten::mm" })
  }
}
