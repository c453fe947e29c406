import Failures
import LibTorch
import RobotEnvironments
import RobotPolicies

/// Plans with a trained policy and its own processors.
public final class PolicyPlanner: ActionPlanner {
  /// All that the environment shows; the processors rename them and the policy takes what it reads.
  public let cameras: Set<String>
  /// The policy's, its camera under the environment's name; a policy that is being trained may come to need one.
  public var history: ObservationHistory? {
    pretrained.policy.history.flatMap { wanted in
      shownAs[wanted.camera].map { ObservationHistory(camera: $0, frames: wanted.frames) }
    }
  }
  /// A line about cameras of the policy that the environment does not show; nil if there are none.
  public let notice: String?
  /// The environment's cameras by the policy's names.
  private let shownAs: [String: String]
  private let pretrained: PretrainedPolicy
  /// Rows of every batch: a processor gains little by more than one, a graphics card needs several to be busy.
  var rows: Int
  /// The last requests that were planned together.
  private var paddingRequests: [PolicyRequest] = []

  /// A planner for environments that show `cameras`.
  ///
  /// - Throws: states and actions of other sizes than the policy's, an environment without any of its cameras, or
  ///   without the one whose past it reads, and what only rollouts need and is missing.
  public init(_ pretrained: PretrainedPolicy, specification: EnvironmentSpecification) throws {
    self.pretrained = pretrained
    rows = pretrained.policy.parameters.device == .cpu ? 1 : 8
    let shown = specification.cameras.map(\.name)
    cameras = Set(shown)
    let names = pretrained.preprocessor.renamed(shown.map { BatchKey.images + $0 })
    let interface = pretrained.policy.interface
    try interface.requireSizes(
      state: specification.stateNames.count, action: specification.actionNames.count, of: "the environment")
    notice = try interface.absentCameras(among: names, of: "the environment")
    shownAs = Dictionary(zip(names, shown)) { first, _ in first }
    guard let wanted = pretrained.policy.history?.camera else { return }
    guard shownAs[wanted] != nil else {
      throw Failure(
        "the policy's memory is of \(wanted), and the environment shows \(names.joined(separator: ", ")); map names with "
          + "`rename_map`")
    }
    try pretrained.policy.prepareForRollouts()
  }

  /// One batch at a time; everyone where memories are exchanged.
  public var batching: BatchingPolicy { pretrained.policy.plansDependOnBatch ? .all : .atMost(rows) }

  /// Plans for all requests; each gets the policy's `actionSteps` first actions, on the environment's scale.
  ///
  /// A matrix product rounds differently with another number of rows, and instructions of other lengths make others
  /// longer; so batches always have `rows` rows of one instruction, the last of which may be copies whose plans are discarded.
  public func plan(_ requests: [PolicyRequest]) throws -> [ActionChunk] {
    if batching == .all { return try planForAll(requests) }
    var plans = [ActionChunk](repeating: ActionChunk([], dimension: 1), count: requests.count)
    let told = Dictionary(grouping: requests.indices) { requests[$0].observation.instruction }
    for members in told.values {
      for start in stride(from: 0, to: members.count, by: rows) {
        let own = members[start..<min(start + rows, members.count)]
        let filled = own + repeatElement(members[start], count: rows - own.count)
        for (member, plan) in zip(own, try plan(batch: filled.map { requests[$0] })) { plans[member] = plan }
      }
    }
    return plans
  }

  /// One batch for all; a lone request is padded with those of the last batch, whose plans are discarded.
  private func planForAll(_ requests: [PolicyRequest]) throws -> [ActionChunk] {
    if requests.count > 1 { paddingRequests = requests }
    let plans = try plan(batch: requests.count > 1 ? requests : requests + paddingRequests)
    return Array(plans.prefix(requests.count))
  }

  private func plan(batch requests: [PolicyRequest]) throws -> [ActionChunk] {
    let observations = requests.map { request in
      PolicyObservation(
        images: request.observation.images.filter { cameras.contains($0.key) }, state: request.observation.state,
        instruction: request.observation.instruction, history: request.history)
    }
    return try pretrained.actionChunks(for: observations, random: requests.map(\.random))
  }
}
