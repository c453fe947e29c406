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
  let interface: PolicyInterface
  let history: ObservationHistory?
  private(set) var batches: [Int] = []

  /// - Parameters:
  ///   - state, action: how many numbers each has.
  ///   - camera: the one whose past it reads.
  init(state: Int = 1, action: Int = 1, cameras: [String] = [], readingPastOf camera: String? = nil) {
    var inputs: PolicyFeatures = [BatchKey.state: PolicyFeature(.state, [state])]
    for camera in cameras { inputs[BatchKey.images + camera] = PolicyFeature(.visual, [3, 16, 16]) }
    interface = PolicyInterface(
      inputs: inputs, outputs: [BatchKey.action: PolicyFeature(.action, [action])], chunkSize: 3, actionSteps: 2)
    history = camera.map { ObservationHistory(camera: BatchKey.images + $0, frames: 2) }
  }

  func loss(of batch: Batch) throws -> PolicyLoss {
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

  @Test func `goes without cameras that the environment does not show, and says which`() throws {
    #expect(try planner(BatchSizePolicy(cameras: ["image"]), rows: 1).notice == nil)
    let notice = try #require(try planner(BatchSizePolicy(cameras: ["image", "left", "right"]), rows: 1).notice)
    #expect(notice.contains("observation.images.left, observation.images.right") && notice.contains("3 cameras"))
    // These are absent by design.
    #expect(try planner(BatchSizePolicy(cameras: ["image", "empty_camera_0"]), rows: 1).notice == nil)
    let error = #expect(throws: Failure.self) { try planner(BatchSizePolicy(cameras: ["left", "right"]), rows: 1) }
    #expect(error?.description.contains("`rename_map`") == true)
  }

  @Test func `needs the camera whose past the policy reads`() throws {
    #expect(
      try planner(BatchSizePolicy(cameras: ["image"], readingPastOf: "image"), rows: 1).history?.camera == "image")
    let error = #expect(throws: Failure.self) {
      try planner(BatchSizePolicy(cameras: ["image", "left"], readingPastOf: "left"), rows: 1)
    }
    #expect(error?.description.contains("memory is of observation.images.left") == true)
  }

  @Test(arguments: [(2, 1, "state"), (1, 2, "action"), (6, 1, "state"), (6, 7, "state")])
  func `refuses states and actions of other sizes, also of 1, which would be stretched`(
    state: Int, action: Int, what: String
  ) throws {
    let policy = BatchSizePolicy(state: state, action: action)
    let error = #expect(throws: Failure.self) { try planner(policy, rows: 1) }
    let size = what == "state" ? state : action
    #expect(
      error?.description.contains("the policy's \(what) has \(size) numbers") == true, "\(error?.description ?? "")")
    #expect(error?.description.contains("has 1;") == true)
    let pretrained = PretrainedPolicy(
      policy: policy, preprocessor: Processor(name: "before", steps: []),
      postprocessor: Processor(name: "after", steps: []), configuration: [:], attachments: [])
    guard what == "state" else { return }
    let observation = PolicyObservation(images: [:], state: [0.5], instruction: "")
    #expect(throws: Failure.self) {
      try pretrained.actionChunks(for: [observation], random: [CountedRandom(seed: 0, "test")])
    }
    #expect(policy.batches.isEmpty)
  }

  @Test func `plans nothing without requests`() throws {
    #expect(try planner(BatchSizePolicy(), rows: 4).plan([]).isEmpty)
  }
}
