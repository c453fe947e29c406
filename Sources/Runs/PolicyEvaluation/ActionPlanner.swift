import CounterBasedRandom
import RGBImages
import RobotEnvironments
import RobotPolicies

/// What a planner is told at one planning step of one episode.
public struct PolicyRequest: Sendable {
  public let observation: Observation
  /// Images of the history's camera, oldest first, the current one last; empty where the planner needs none.
  public let history: [RGBImage]
  /// The random numbers of this episode and request.
  public let random: CountedRandom
}

/// What a planner wants to see of an environment, for the threads that step environments while it plans.
struct ObservationRequirements: Sendable {
  let cameras: Set<String>
  let history: ObservationHistory?

  init(_ planner: any ActionPlanner) { (cameras, history) = (planner.cameras, planner.history) }
}

/// Which environments a planner wants to plan for in one call.
public enum BatchingPolicy: Sendable, Equatable {
  /// Those that wait, and no more than this number: a call takes about as long for fewer.
  case atMost(Int)
  /// All that are being stepped, because their plans depend on each other.
  case all
}

/// Plans actions for several environments at once; used by one thread.
public protocol ActionPlanner: AnyObject {
  /// Cameras it looks at, as environments name them.
  var cameras: Set<String> { get }
  /// The past it needs, its camera named as environments do.
  var history: ObservationHistory? { get }
  /// Which environments it wants to plan for in one call.
  var batching: BatchingPolicy { get }
  /// For each request, the actions to be carried out before the next one.
  ///
  /// To the last bit they depend on that request alone, whatever others stand beside it, unless it gathers everyone.
  func plan(_ requests: [PolicyRequest]) throws -> [ActionChunk]
}

extension ActionPlanner {
  /// Whoever waits.
  public var batching: BatchingPolicy { .atMost(.max) }
}

/// Acts at random: each number uniform in -1 … 1. What a policy must beat.
public final class RandomPlanner: ActionPlanner {
  /// None: it looks at nothing.
  public let cameras: Set<String> = []
  public let history: ObservationHistory? = nil
  private let actionDimension: Int

  /// A planner of actions with this many numbers.
  public init(actionDimension: Int) { self.actionDimension = actionDimension }

  /// One action for each request, drawn from the request's own numbers.
  public func plan(_ requests: [PolicyRequest]) -> [ActionChunk] {
    requests.map { request in
      ActionChunk(
        (0..<actionDimension).map { Float(request.random.uniform($0, in: -1...1)) }, dimension: actionDimension)
    }
  }
}
