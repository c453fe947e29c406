import Failures
import RobotEnvironments
import Synchronization

/// A suite whose environments write down what every episode goes through.
public struct RecordedSuite: EnvironmentSuite {
  /// What was read after the reset and after every step, by `TASK EPISODE`.
  public final class Record: Sendable {
    private let readings = Mutex<[String: [[Double]]]>([:])

    /// All of it.
    public var episodes: [String: [[Double]]] { readings.withLock { $0 } }

    fileprivate func begin(_ key: String) { readings.withLock { $0[key] = [] } }
    fileprivate func note(_ key: String, _ values: [Double]) { readings.withLock { $0[key]?.append(values) } }
  }

  /// What was written down.
  public let record = Record()
  private let suite: any EnvironmentSuite
  private let read: @Sendable (any Environment) throws -> [Double]

  /// Writes down what `read` finds in a suite's environments.
  public init(
    _ suite: any EnvironmentSuite, read: @escaping @Sendable (any Environment) throws -> [Double]
  ) {
    (self.suite, self.read) = (suite, read)
  }

  /// The suite's, which it records.
  public var name: String { suite.name }
  /// The suite's, which it records.
  public var taskNames: [String] { suite.taskNames }
  /// The suite's, which it records.
  public func specification(ofTask task: String) throws -> EnvironmentSpecification {
    try suite.specification(ofTask: task)
  }
  /// One of the suite's environments, which writes down what happens.
  public func makeEnvironment(task: String) throws -> any Environment {
    Recorded(try suite.makeEnvironment(task: task), task, self)
  }
  /// The suite's, which it records.
  public func label(ofTask task: String) -> TaskLabel { suite.label(ofTask: task) }
  /// The suite's, which it records.
  public var initialStates: InitialStateSource { suite.initialStates }
  /// The suite's, which it records.
  public func initialStateCount(ofTask task: String) throws -> Int? { try suite.initialStateCount(ofTask: task) }

  private final class Recorded: Environment {
    let inner: any Environment
    let task: String
    let suite: RecordedSuite
    var key = ""

    init(_ inner: any Environment, _ task: String, _ suite: RecordedSuite) {
      (self.inner, self.task, self.suite) = (inner, task, suite)
    }

    var specification: EnvironmentSpecification { inner.specification }
    var instruction: String { inner.instruction }
    var contraryInstruction: String? { inner.contraryInstruction }
    var startState: StartState { inner.startState }

    func reset(seed: Int, episode: Int) throws {
      key = "\(task) \(episode)"
      suite.record.begin(key)
      try inner.reset(seed: seed, episode: episode)
      suite.record.note(key, try suite.read(inner))
    }

    func step(_ action: [Float]) throws -> StepResult {
      let result = try inner.step(action)
      suite.record.note(key, try suite.read(inner) + [Double(result.reward)])
      return result
    }

    func observe(cameras: Set<String>) throws -> Observation { try inner.observe(cameras: cameras) }
  }
}
