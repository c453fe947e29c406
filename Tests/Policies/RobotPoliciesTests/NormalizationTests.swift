import Failures
import LibTorch
import NeuralNetworks
import RobotPolicies
import Testing

struct NormalizationTests {
  private static let features: PolicyFeatures = [
    BatchKey.state: PolicyFeature(.state, [2]), BatchKey.action: PolicyFeature(.action, [2]),
  ]

  private func normalization(_ mode: NormalizationMode, _ statistics: [String: [Float]]) throws -> Normalization {
    var state: StateDictionary = [:]
    for (name, values) in statistics {
      for feature in Self.features.keys { state["\(feature).\(name)"] = try Tensor(values, shape: [2]) }
    }
    let normalization = Normalization(
      features: Self.features, modes: [.state: mode, .action: mode], statistics: state)
    try normalization.check()
    return normalization
  }

  private func values(_ tensor: Tensor?) throws -> [Float] { try #require(tensor).scalars(Float.self) }

  @Test func `by mean and deviation is (x - mean) / (std + epsilon)`() throws {
    let normalization = try normalization(.meanStandardDeviation, ["mean": [1, -2], "std": [2, 0.5]])
    let batch = Batch([BatchKey.state: try Tensor([5, -2, 1, -1] as [Float], shape: [2, 2])])
    #expect(try values(normalization.normalize(batch)[BatchKey.state]) == [2, 0, 0, 2])
    let back = try normalization.unnormalize(Tensor([2, 0, 0, 2] as [Float], shape: [1, 2, 2]), BatchKey.action)
    #expect(back.shape == [1, 2, 2])
    #expect(try values(back) == [5, -2, 1, -1])
  }

  @Test func `of numbers of another size is refused, also of one, which would be stretched`() throws {
    let normalization = try normalization(.meanStandardDeviation, ["mean": [1, -2], "std": [2, 0.5]])
    for width in [1, 3] {
      let numbers = try Tensor.zeros([4, width], dtype: .float32)
      let error = #expect(throws: Failure.self) { try normalization.normalize(Batch([BatchKey.state: numbers])) }
      #expect(error?.description.contains("statistics are of 2 numbers") == true)
      #expect(throws: Failure.self) { try normalization.unnormalize(numbers, BatchKey.action) }
    }
  }

  @Test func `by minimum and maximum maps onto -1 and 1`() throws {
    let normalization = try normalization(.minimumMaximum, ["min": [0, -4], "max": [2, 4]])
    let batch = Batch([BatchKey.action: try Tensor([0, -4, 1, 0, 2, 4] as [Float], shape: [3, 2])])
    #expect(try values(normalization.normalize(batch)[BatchKey.action]) == [-1, -1, 0, 0, 1, 1])
    let back = try normalization.unnormalize(Tensor([-1, 1] as [Float], shape: [1, 2]), BatchKey.action)
    #expect(try values(back) == [0, 4])
  }

  @Test func `of a feature that never moves stays finite`() throws {
    let constant = try normalization(.minimumMaximum, ["min": [3, 3], "max": [3, 3]])
    let batch = Batch([BatchKey.action: try Tensor([3, 3] as [Float], shape: [1, 2])])
    #expect(try values(constant.normalize(batch)[BatchKey.action]) == [-1, -1])
    let still = try normalization(.meanStandardDeviation, ["mean": [3, 3], "std": [0, 0]])
    #expect(try values(still.normalize(batch)[BatchKey.action]) == [0, 0])
  }

  @Test func `leaves alone what it does not know`() throws {
    let normalization = try normalization(.identity, [:])
    let batch = Batch(["other": try Tensor([7] as [Float], shape: [1])])
    #expect(try values(normalization.normalize(batch)["other"]) == [7])
    #expect(try values(normalization.unnormalize(Tensor([7] as [Float], shape: [1]), "other")) == [7])
  }

  @Test func `without its statistics is refused`() {
    #expect(throws: Failure.self) { try normalization(.meanStandardDeviation, ["mean": [1, 2]]) }
    #expect(throws: Failure.self) { try normalization(.minimumMaximum, ["mean": [1, 2], "std": [1, 2]]) }
  }
}
