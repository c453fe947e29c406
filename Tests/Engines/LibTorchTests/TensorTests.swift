import CounterBasedRandom
import Failures
import Foundation
import Testing

@testable import LibTorch

struct TensorTests {
  @Test func `memory is known of a GPU alone`() throws {
    let engine = try TorchEngine.shared()
    #expect(engine.peakMemory(of: .cpu) == nil)
    guard engine.deviceCount > 0 else {
      #expect(engine.peakMemory(of: .cuda(0)) == nil)
      return
    }
    let before = engine.peakMemory(of: .cuda(0)) ?? 0
    let bytes = 512 << 20
    try withExtendedLifetime(Tensor.zeros([bytes / 4], device: .cuda(0))) {
      let peak = try #require(engine.peakMemory(of: .cuda(0)))
      #expect(peak >= bytes && peak >= before)
    }
  }

  @Test func `arithmetic follows broadcasting`() throws {
    let matrix = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    let row = try Tensor([10, 20, 30] as [Float], shape: [3])
    #expect(try (matrix + row).scalars(Float.self) == [11, 22, 33, 14, 25, 36])
    #expect(try (1 - matrix * 2).scalars(Float.self) == [-1, -3, -5, -7, -9, -11])
    #expect(try matrix.matmul(matrix.transposed(0, 1)).scalars(Float.self) == [14, 32, 32, 77])
    #expect(try (matrix + row).dtype == .float32)
  }

  @Test func `mismatched shapes throw libtorch's message`() throws {
    let error = #expect(throws: Failure.self) {
      _ = try Tensor.zeros([2, 3]) + Tensor.zeros([4])
    }
    #expect(error?.description.contains("must match") == true)
    #expect(throws: Failure.self) { try Tensor([1, 2] as [Float], shape: [3]) }
  }

  @Test(arguments: DType.allCases) func `every type converts and has its byte count`(dtype: DType) throws {
    let tensor = try Tensor([0, 1, 1] as [Float], shape: [3]).to(dtype)
    #expect(tensor.dtype == dtype)
    #expect(try tensor.contiguous().withBytes { $0.count } == 3 * dtype.byteCount)
    #expect(try tensor.scalars(Double.self) == [0, 1, 1])
  }

  @Test func `empty tensors and scalars have their shapes`() throws {
    #expect(try Tensor([] as [Float], shape: [0, 4]).scalars(Float.self).isEmpty)
    let scalar = try Tensor([3] as [Double], shape: [])
    #expect(scalar.shape.isEmpty)
    #expect(try scalar.item() == 3)
  }

  @Test func `gradients equal the closed form`() throws {
    let x = try Tensor([1, 2, 3] as [Double], shape: [3])
    try x.setRequiresGrad(true)
    try (x * x * x).sum().backward()
    #expect(try x.gradient?.scalars(Double.self) == [3, 12, 27])
    try x.clearGradient()
    #expect(x.gradient == nil)
    #expect(try withoutGradients { try (x * 2).requiresGrad } == false)
    #expect(try (x * 2).requiresGrad)
  }

  @Test func `gradients are recorded again after a body that throws`() throws {
    struct Stop: Error {}
    let x = try Tensor([1] as [Float], shape: [1])
    try x.setRequiresGrad(true)
    #expect(throws: Stop.self) { try withoutGradients { throw Stop() } }
    #expect(try (x * 2).requiresGrad)
  }

  @Test func `attention equals softmax of scaled scores`() throws {
    let random = CountedRandom(seed: 0, "attention")
    let queries = try Tensor.normal([2, 3, 4, 8], random.at(0))
    let keys = try Tensor.normal([2, 3, 5, 8], random.at(1))
    let values = try Tensor.normal([2, 3, 5, 8], random.at(2))
    let weights = try (queries.matmul(keys.transposed(2, 3)) * (1 / 8.0.squareRoot())).softmax(dimension: -1)
    let attention = try Tensor.attention(queries: queries, keys: keys, values: values)
    #expect(try (weights.matmul(values) - attention).maxAbs() < 1e-6)
  }

  @Test func `borrowed memory is released with the last tensor`() throws {
    final class Owner {
      let bytes = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
      let onRelease: () -> Void
      init(_ onRelease: @escaping () -> Void) { self.onRelease = onRelease }
      deinit {
        bytes.deallocate()
        onRelease()
      }
    }
    var isReleased = false
    do {
      let view: Tensor
      do {
        let owner = Owner { isReleased = true }
        owner.bytes.storeBytes(of: 7, as: Int32.self)
        let whole = try Tensor(borrowing: owner.bytes, shape: [4], dtype: .int32, owner: owner)
        view = try whole.slice(dimension: 0, 0..<1)
      }
      #expect(!isReleased)
      #expect(try view.item() == 7)
    }
    #expect(isReleased)
  }

  @Test func `devices are parsed from libtorch's names`() {
    #expect(Device("cpu") == .cpu)
    #expect(Device("cuda") == .cuda(0))
    #expect(Device("cuda:3") == .cuda(3))
    for name in ["", "cuda:", "cuda:-1", "cuda:x", "mps", "cpu:0"] { #expect(Device(name) == nil) }
  }

  @Test func `a missing device is an error`() throws {
    guard try TorchEngine.shared().deviceCount == 0 else { return }
    #expect(throws: Failure.self) { try Tensor.zeros([1], device: .cuda(0)) }
  }
}
