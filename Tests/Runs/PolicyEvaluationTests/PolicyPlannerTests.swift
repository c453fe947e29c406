import CounterBasedRandom
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import RGBImages
import RobotEnvironments
import RobotPolicies
import Testing

@testable import PolicyEvaluation

/// Adds to each state how many rows stand beside it, which no policy should, and which rounding does.
private final class BatchSizePolicy: Policy {
  let parameters = ParameterStore(seed: 0, device: .cpu)
  let interface = PolicyInterface(
    inputs: [BatchKey.state: PolicyFeature(.state, [1])], outputs: [BatchKey.action: PolicyFeature(.action, [1])],
    chunkSize: 3, actionSteps: 2)
  private(set) var batches: [Int] = []

  func loss(of batch: Batch, random: CountedRandom) throws -> PolicyLoss {
    throw Failure("this one learns nothing")
  }

  func actionChunk(for batch: Batch, random: [CountedRandom]) throws -> Tensor {
    let state = try batch.require(BatchKey.state)
    batches.append(state.size(0))
    #expect(random.count == state.size(0))
    return try Tensor.concatenation([state, state, state].map { try $0.unsqueezed(1) }, dimension: 1)
      * Double(state.size(0))
  }
}

struct PolicyPlannerTests {
  private func requests(_ states: [(Float, String)]) throws -> [PolicyRequest] {
    let image = try RGBImage(width: 16, height: 16, pixels: Array(repeating: 7, count: 768))
    return states.enumerated().map { index, state in
      PolicyRequest(
        observation: Observation(images: ["image": image], state: [state.0], instruction: state.1), history: [],
        random: CountedRandom(seed: 0, "test").at(index))
    }
  }

  private func planner(_ policy: BatchSizePolicy, rows: Int) throws -> PolicyPlanner {
    let pretrained = PretrainedPolicy(
      policy: policy, preprocessor: Processor(name: "before", steps: []),
      postprocessor: Processor(name: "after", steps: []), configuration: [:], attachments: [])
    let planner = try PolicyPlanner(pretrained, specification: LineEnvironment.Suite().specification(ofTask: "up"))
    planner.rows = rows
    return planner
  }

  @Test(arguments: [1, 4]) func `always plans batches of one size and one instruction`(rows: Int) throws {
    let told: [(Float, String)] = [(1, "a"), (2, "b"), (3, "a"), (4, "a"), (5, "b"), (6, "a"), (7, "a"), (8, "c")]
    let policy = BatchSizePolicy()
    let plans = try planner(policy, rows: rows).plan(requests(told))
    #expect(plans == told.map { ActionChunk([[$0.0 * Float(rows)], [$0.0 * Float(rows)]]) })
    #expect(Set(policy.batches) == [rows])
    #expect(policy.batches.count == (rows == 1 ? 8 : 2 + 1 + 1))
    for (index, state) in told.enumerated() {
      #expect(try planner(BatchSizePolicy(), rows: rows).plan(requests([state])) == [plans[index]])
    }
  }

  @Test func `plans nothing without requests`() throws {
    #expect(try planner(BatchSizePolicy(), rows: 4).plan([]).isEmpty)
  }
}
