import CounterBasedRandom
import Failures
import RGBImages
import RobotEnvironments
import RobotPolicies
import Synchronization

@testable import PolicyEvaluation

/// A walk on a line: an action moves by its first number; beyond 2.5 the goal is reached.
final class LineEnvironment: Environment {
  struct Suite: EnvironmentSuite {
    let name = "walks"
    let taskNames = ["up", "down"]
    /// The episode that throws, and where: before its first step or at its third.
    var fails: (episode: Int, atReset: Bool)?
    let made = Counter()
    let images = Counter()
    /// Called within every step with the task, the episode and the step.
    var onStep: @Sendable (String, Int, Int) -> Void = { _, _, _ in }
    /// The task that no environment can be made for.
    var missing: String?

    func specification(ofTask task: String) -> EnvironmentSpecification {
      EnvironmentSpecification(
        cameras: [CameraSpecification(name: "image", width: 16, height: 16)], stateNames: ["x"], actionNames: ["dx"],
        framesPerSecond: 10, maximumSteps: 12)
    }

    func makeEnvironment(task: String) throws -> any Environment {
      if task == missing { throw Failure("a mesh is missing") }
      made.add()
      return LineEnvironment(self, task)
    }
  }

  let specification: EnvironmentSpecification
  private let suite: Suite
  private let task: String
  private var position: Float = 0
  private var episode = -1, steps = 0
  private var fails: (episode: Int, atReset: Bool)? { suite.fails }

  init(_ suite: Suite, _ task: String) {
    (self.suite, self.task) = (suite, task)
    specification = suite.specification(ofTask: task)
  }

  private(set) var startState = StartState(positions: [])
  var instruction: String { "go \(task)" }
  var contraryInstruction: String? { task == "up" ? "go down" : nil }

  func reset(seed: Int, episode: Int) throws {
    self.episode = episode
    steps = 0
    position = Float(CountedRandom(seed: seed, task).at(episode).uniform(0, in: -1...1))
    startState = StartState(positions: [Double(position)])
    if let fails, fails.atReset, fails.episode == episode { throw Failure("the floor is gone") }
  }

  func step(_ action: [Float]) throws -> StepResult {
    steps += 1
    suite.onStep(task, episode, steps)
    if let fails, !fails.atReset, fails.episode == episode, steps == 3 { throw Failure("the wall fell") }
    position += action.first ?? 0
    let success = abs(position) > 2.5
    return StepResult(reward: success ? 1 : 0, terminated: success, success: success)
  }

  func observe(cameras: Set<String>) throws -> Observation {
    for _ in cameras { suite.images.add() }
    let shade = UInt8(max(0, min(255, 128 + position * 40)))
    guard let image = try? RGBImage(width: 16, height: 16, pixels: Array(repeating: shade, count: 768)) else {
      throw Failure("no image")
    }
    return Observation(
      images: cameras.contains("image") ? ["image": image] : [:], state: [position], instruction: instruction)
  }
}

final class Counter: Sendable {
  private let value = Mutex(0)
  func add() { value.withLock { $0 += 1 } }
  var count: Int { value.withLock { $0 } }
}

/// Notes what it is told; every plan is three steps ahead.
final class RecordingPlanner: ActionPlanner {
  let cameras: Set<String>
  let history: ObservationHistory?
  /// Called within every call with the states.
  var onPlan: ([Float]) -> Void = { _ in }
  private(set) var instructions: Set<String> = []
  private(set) var histories: Set<Int> = []
  private(set) var largestBatch = 0

  init(cameras: Set<String> = [], history: ObservationHistory? = nil) {
    (self.cameras, self.history) = (cameras, history)
  }

  func plan(_ requests: [PolicyRequest]) -> [ActionChunk] {
    instructions.formUnion(requests.map(\.observation.instruction))
    histories.formUnion(requests.map(\.history.count))
    onPlan(requests.compactMap(\.observation.state.first))
    largestBatch = max(largestBatch, requests.count)
    return requests.map { request in
      ActionChunk((0..<3).map { Float(request.random.uniform($0, in: -1...1)) }, dimension: 1)
    }
  }
}

/// Plans as a recorder does, but for no batch in which somebody has gone far.
final class FailingPlanner: ActionPlanner {
  let cameras: Set<String> = []
  let history: ObservationHistory? = nil
  private let recorder = RecordingPlanner()

  func plan(_ requests: [PolicyRequest]) throws -> [ActionChunk] {
    guard requests.allSatisfy({ abs($0.observation.state.first ?? 0) < 1.2 }) else {
      throw Failure("too far")
    }
    return recorder.plan(requests)
  }
}
