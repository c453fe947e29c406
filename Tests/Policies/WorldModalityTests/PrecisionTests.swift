import CounterBasedRandom
import Failures
import Foundation
import LayeredSettings
import LibTorch
import NeuralNetworks
import RobotPolicies
import SmolVLA
import Testing

@testable import PretrainedPolicies
@testable import WorldModality

/// bf16 beside fp32, on the committed checkpoint with published weights.
struct PrecisionTests {
  private let base = CheckpointCase.goldens.appendingPathComponent("smolvla_base")

  private func policy(_ flags: String..., isTrained: Bool = true) throws -> PretrainedPolicy {
    var settings = try CheckpointCase.builder(base).settings
    settings.smolvla.precision = flags.contains("bf16") ? .bf16 : .fp32
    var builder = PolicyBuilder(settings, device: .cpu, seed: 5, isTrained: isTrained)
    return try builder.pretrained(base)
  }

  @Test(arguments: [true, false])
  func `bf16 plans what fp32 plans, within bfloat16's rounding`(isTrained: Bool) throws {
    let golden = CheckpointCase(folder: base)
    let exact = try golden.actions(policy())
    let rounded = try golden.actions(policy("bf16", isTrained: isTrained))
    let deviation = try (rounded - exact).norm().item() / exact.norm().item()
    // 8 bits of mantissa, through tower, backbone and ten steps of the expert.
    #expect(deviation > 1e-5 && deviation < 0.1, "\(deviation)")
    #expect(rounded.dtype == .float32)
  }

  @Test func `bf16 holds what is frozen in bfloat16, and what is trained in float32`() throws {
    for (_, parameter) in try policy("bf16").policy.parameters.trainable { #expect(parameter.tensor.dtype == .float32) }
    let frozen = try policy("bf16").policy.parameters.parameters.filter {
      !$0.tensor.requiresGrad && $0.name.contains("vlm_with_expert")
    }
    #expect(frozen.count > 20 && frozen.allSatisfy { $0.tensor.dtype == held($0) })
    let planning = try policy("bf16", isTrained: false).policy.parameters.parameters
    #expect(
      planning.filter { $0.name.contains("vlm_with_expert") }.allSatisfy {
        $0.tensor.dtype == held($0, isTrained: false)
      })
    #expect(planning.contains { $0.tensor.dtype == .float32 })
  }

  /// On a CPU that computes in float32 only the backbone's matrices are bfloat16, the tower's of what is trained.
  private func held(_ parameter: Parameter, isTrained: Bool = true) -> DType {
    let isWidened = parameter.name.contains(".vlm.") && (isTrained || !parameter.name.contains(".vision_model."))
    return Device.cpu.multipliesBFloat16 || isWidened && parameter.tensor.rank == 2 ? .bfloat16 : .float32
  }

  @Test func `frozen matrices of a bfloat16 file stay so in fp32, and change no number`() throws {
    try CheckpointCase.within { folder in
      func policy(_ dtype: DType) throws -> PretrainedPolicy {
        try rewrite(folder.appendingPathComponent("model.safetensors")) { weights in
          weights = try weights.mapValues { try $0.to(.bfloat16).to(dtype) }
        }
        var builder = try CheckpointCase.builder(folder)
        return try builder.pretrained(folder)
      }
      let (narrow, wide) = (try policy(.bfloat16), try policy(.float32))
      func narrowCount(_ policy: PretrainedPolicy) -> Int {
        policy.policy.parameters.parameters.filter { $0.tensor.dtype == .bfloat16 }.count
      }
      #expect(narrowCount(narrow) > 10 && narrowCount(wide) == 0)
      let golden = CheckpointCase(folder: folder)
      #expect(try golden.actions(narrow).isIdentical(to: golden.actions(wide)))
    }
  }

  @Test func `a checkpoint leaves with the numbers that it came with`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-precision-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    for isTrained in [true, false] {
      try policy("bf16", isTrained: isTrained).save(to: folder)
      let saved = try Tensor.load(folder.appendingPathComponent("model.safetensors"))
      for (name, tensor) in try Tensor.load(base.appendingPathComponent("model.safetensors")) {
        guard let found = saved[name] else { continue }
        #expect(try found.to(.float32).isIdentical(to: tensor.to(.float32)), "\(name)")
      }
      try FileManager.default.removeItem(at: folder)
    }
  }

  @Test(arguments: [DType.float32, .bfloat16, .float16])
  func `what is frozen is the same to train and to plan, and leaves as it came`(dtype: DType) throws {
    try CheckpointCase.within { folder in
      let file = folder.appendingPathComponent("model.safetensors")
      try rewrite(file) { weights in weights = try weights.mapValues { try $0.to(dtype) } }
      func policy(isTrained: Bool) throws -> PretrainedPolicy {
        var settings = try CheckpointCase.builder(folder).settings
        settings.smolvla.precision = .bf16
        var builder = PolicyBuilder(settings, device: .cpu, seed: 5, isTrained: isTrained)
        return try builder.pretrained(folder)
      }
      let (trained, planning) = (try policy(isTrained: true), try policy(isTrained: false))
      let given = try Tensor.load(file)
      var count = 0
      for (one, other) in zip(trained.policy.parameters.parameters, planning.policy.parameters.parameters)
      where !one.tensor.requiresGrad {
        #expect(try one.tensor.to(.float32).isIdentical(to: other.tensor.to(.float32)), "\(one.name)")
        #expect(try one.saved.isIdentical(to: #require(given[one.name]).to(one.saved.dtype)), "\(one.name)")
        #expect(one.saved.dtype.byteCount >= dtype.byteCount && (dtype == .bfloat16 || one.saved.dtype != .bfloat16))
        count += 1
      }
      #expect(count > 20)
    }
  }

  @Test func `is what is asked for, else bf16 for published weights where the hardware has it`() {
    var settings = SmolVLAConfiguration()
    #expect(settings.precision(on: .cpu) == .fp32)
    settings.compatibility.loadsVLMWeights = true
    #expect(settings.precision(on: .cpu) == (Device.cpu.multipliesBFloat16 ? .bf16 : .fp32))
    #expect(settings.precision(on: .cuda(0)) == .bf16)
    settings.precision = .fp32
    #expect(settings.precision(on: .cuda(0)) == .fp32)
    settings.precision = nil
    settings.compatibility.loadsVLMWeights = false
    settings.compatibility.usesAutomaticMixedPrecision = true
    #expect(settings.precision(on: .cpu) == .bf16)
  }

  @Test func `autocast ends with its body, thrown errors included`() throws {
    let (x, w) = (try Tensor.ones([2, 3]), try Tensor.ones([4, 3]))
    #expect(try withAutocast(.bfloat16, on: .cpu) { try x.linear(w, nil) }.dtype == .bfloat16)
    #expect(throws: Failure.self) {
      try withAutocast(.bfloat16, on: .cpu) { throw Failure("an error") }
    }
    #expect(try x.linear(w, nil).dtype == .float32)
    let inner = try withAutocast(.bfloat16, on: .cpu) { try withAutocast(nil, on: .cpu) { try x.linear(w, nil) } }
    #expect(inner.dtype == .float32)
  }
}
