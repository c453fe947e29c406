import Failures
import CounterBasedRandom
import RobotEnvironments
import RGBImages
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import LibTorch

/// What a planner is told at one planning step of one episode.
public struct PlanningRequest: Sendable {
  /// What is seen now.
  public let observation: Observation
  /// Pictures of the history's camera, oldest first, the current one last; empty where the planner needs none.
  public let history: [RGBImage]
  /// The numbers that belong to this episode and query, whoever asks and whenever.
  public let random: CountedRandom
}

/// What a planner wants to see of an environment, for those who play while it plans.
struct PlanningNeeds: Sendable {
  let cameras: Set<String>
  let history: ObservationHistory?

  init(_ planner: any Planner) { (cameras, history) = (planner.cameras, planner.history) }
}

/// Whom a planner wants to plan for in one call.
public enum Gathering: Sendable, Equatable {
  /// Whoever waits, and no more than these: a call takes about as long for fewer.
  case upTo(Int)
  /// All who play, because their plans depend on each other.
  case everyone
}

/// Plans actions for several environments at once; used by one thread.
public protocol Planner: AnyObject {
  /// Cameras it looks at, as environments name them.
  var cameras: Set<String> { get }
  /// The past it needs, its camera named as environments do.
  var history: ObservationHistory? { get }
  /// Whom it wants to plan for in one call.
  var gathering: Gathering { get }
  /// For each request, the actions to be carried out before the next one.
  ///
  /// To the last bit they depend on that request alone, whatever others stand beside it, unless it gathers everyone.
  func plan(_ requests: [PlanningRequest]) throws -> [[[Float]]]
}

extension Planner {
  /// Whoever waits.
  public var gathering: Gathering { .upTo(.max) }
}

/// Acts at random: each number uniform in -1 … 1. What a policy must beat.
public final class RandomPlanner: Planner {
  /// None: it looks at nothing.
  public let cameras: Set<String> = []
  /// None.
  public let history: ObservationHistory? = nil
  private let actionDimension: Int

  /// A planner of actions with this many numbers.
  public init(actionDimension: Int) { self.actionDimension = actionDimension }

  /// One action for each request, drawn from the request's own numbers.
  public func plan(_ requests: [PlanningRequest]) -> [[[Float]]] {
    requests.map { request in [(0..<actionDimension).map { Float(request.random.uniform($0, in: -1...1)) }] }
  }
}

/// Plans with a trained policy and its own processors.
public final class PolicyPlanner: Planner {
  /// All that the environment shows; the processors rename them and the policy takes what it reads.
  public let cameras: Set<String>
  /// The policy's, its camera under the environment's name; a policy that is being trained may come to need one.
  public var history: ObservationHistory? {
    pretrained.policy.history.flatMap { wanted in
      shownAs[wanted.camera].map { ObservationHistory(camera: $0, frames: wanted.frames) }
    }
  }
  /// The environment's cameras by the policy's names.
  private let shownAs: [String: String]
  private let pretrained: PretrainedPolicy
  private let device: Device
  /// Rows of every batch: a processor gains little by more than one, a graphics card needs several to be busy.
  var rows: Int
  /// The last requests that were planned together.
  private var company: [PlanningRequest] = []

  /// A planner for environments that show `cameras`.
  ///
  /// - Throws: the camera that the policy reads and the environment does not have, and what only rollouts need and is
  ///   missing.
  public init(_ pretrained: PretrainedPolicy, specification: EnvironmentSpecification) throws {
    self.pretrained = pretrained
    device = pretrained.policy.parameters.device
    rows = device == .cpu ? 1 : 8
    let shown = specification.cameras.map(\.name)
    cameras = Set(shown)
    let names = pretrained.preprocessor.renamed(shown.map { BatchKey.images + $0 })
    // Cameras of `empty_cameras` are absent by design.
    let missing = pretrained.policy.interface.cameras.filter {
      !names.contains($0) && !$0.hasPrefix(BatchKey.images + "empty_camera_")
    }
    guard missing.isEmpty else {
      throw Failure(
        "the policy looks at \(missing.joined(separator: ", ")), the environment shows \(names.joined(separator: ", ")); "
          + "map names with `rename_map`")
    }
    let actions = pretrained.policy.interface.outputs[BatchKey.action]?.shape.first
    guard actions == specification.actionNames.count else {
      throw Failure(
        "the policy plans actions of \(actions ?? 0) numbers, the environment takes \(specification.actionNames.count)")
    }
    shownAs = Dictionary(zip(names, shown)) { first, _ in first }
    guard history != nil else { return }
    do { try pretrained.policy.prepareForRollouts() } catch { throw Failure("\(error)") }
  }

  /// One batch at a time; everyone where memories are exchanged.
  public var gathering: Gathering { pretrained.policy.plansDependOnBatch ? .everyone : .upTo(rows) }

  /// Plans for all requests; each gets the policy's `actionSteps` first actions, on the environment's scale.
  ///
  /// A matrix product rounds differently with another number of rows, and instructions of other lengths make others
  /// longer; so batches always have `rows` rows of one instruction, the last of which may be copies that nobody reads.
  public func plan(_ requests: [PlanningRequest]) throws -> [[[Float]]] {
    if gathering == .everyone { return try planTogether(requests) }
    var plans = [[[Float]]](repeating: [], count: requests.count)
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

  /// One batch for all; who plays on alone is joined by those of the last batch, whose plans nobody reads.
  private func planTogether(_ requests: [PlanningRequest]) throws -> [[[Float]]] {
    if requests.count > 1 { company = requests }
    let plans = try plan(batch: requests.count > 1 ? requests : requests + company)
    return Array(plans.prefix(requests.count))
  }

  private func plan(batch requests: [PlanningRequest]) throws -> [[[Float]]] {
    var batch = Batch()
    for camera in cameras.sorted() {
      let pictures = requests.compactMap { $0.observation.images[camera] }
      batch[BatchKey.images + camera] = try Tensor.images(of: pictures)
    }
    let states = requests.map(\.observation.state)
    batch[BatchKey.state] = try Tensor(states.flatMap { $0 }, shape: [states.count, states.first?.count ?? 0])
    if requests.contains(where: { !$0.history.isEmpty }) {
      batch[BatchKey.history] = try Tensor.clips(of: requests.map(\.history))
    }
    let prepared = try pretrained.preprocessor(
      batch, tasks: requests.map(\.observation.instruction), device: device)
    let chunk = try pretrained.policy.actionChunk(for: prepared, random: requests.map(\.random))
    let steps = pretrained.policy.interface.actionSteps
    let actions = try pretrained.postprocessor(actions: chunk.slice(dimension: 1, 0..<steps))
    let width = actions.size(2)
    let numbers = try actions.scalars(Float.self)
    return (0..<requests.count).map { row in
      (0..<steps).map { step in
        let start = (row * steps + step) * width
        return Array(numbers[start..<start + width])
      }
    }
  }
}

extension Tensor {
  /// Pictures of one size as float32 [B, 3, H, W] in [0, 1].
  static func images(of pictures: [RGBImage]) throws -> Tensor {
    try bytes(of: pictures).to(.float32).permuted([0, 3, 1, 2]).contiguous() / 255
  }

  /// Clips of one length as uint8 [B, frames, H, W, 3].
  static func clips(of clips: [[RGBImage]]) throws -> Tensor {
    let all = try bytes(of: clips.flatMap { $0 })
    return try all.reshaped([clips.count, -1] + all.shape.dropFirst())
  }

  private static func bytes(of pictures: [RGBImage]) throws -> Tensor {
    guard let first = pictures.first, pictures.allSatisfy({ ($0.width, $0.height) == (first.width, first.height) })
    else { throw Failure("the pictures of a batch differ in size") }
    return try Tensor(pictures.flatMap(\.pixels), shape: [pictures.count, first.height, first.width, 3])
  }
}
