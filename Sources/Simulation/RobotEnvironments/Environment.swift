/// One camera of an environment.
public struct CameraSpecification: Sendable, Equatable {
  /// The name, as in `observation.images.NAME`.
  public let name: String
  /// Image width, pixels.
  public let width: Int
  /// Image height, pixels.
  public let height: Int

  public init(name: String, width: Int, height: Int) {
    self.name = name
    self.width = width
    self.height = height
  }
}

/// An environment's cameras, state, actions and timing, the same for all episodes of a task.
public struct EnvironmentSpecification: Sendable, Equatable {
  /// The cameras, in a fixed order.
  public let cameras: [CameraSpecification]
  /// A name for each number of the state.
  public let stateNames: [String]
  /// A name for each number of an action, −1…1.
  public let actionNames: [String]
  /// Control steps per second of simulated time.
  public let framesPerSecond: Int
  /// Control steps after which an episode has failed.
  public let maximumSteps: Int
  /// The rate in this environment's datasets; differs from ``framesPerSecond`` only as in published datasets.
  public let datasetFramesPerSecond: Int

  /// - Parameter datasetFramesPerSecond: nil for `framesPerSecond`.
  public init(
    cameras: [CameraSpecification], stateNames: [String], actionNames: [String], framesPerSecond: Int,
    maximumSteps: Int, datasetFramesPerSecond: Int? = nil
  ) {
    self.cameras = cameras
    self.stateNames = stateNames
    self.actionNames = actionNames
    self.framesPerSecond = framesPerSecond
    self.maximumSteps = maximumSteps
    self.datasetFramesPerSecond = datasetFramesPerSecond ?? framesPerSecond
  }
}

/// A simulated task that a policy acts in, one control step at a time; used by one thread at a time.
///
/// ```swift
/// try environment.reset(seed: 1000, episode: 3)
/// while step < environment.specification.maximumSteps {
///   let observation = try environment.observe(cameras: ["image", "image2"])
///   if try environment.step(policy(observation)).terminated { break }
/// }
/// ```
public protocol Environment: AnyObject {
  /// Its cameras, state, actions and timing.
  var specification: EnvironmentSpecification { get }
  /// The instruction of the current episode.
  var instruction: String { get }
  /// The instruction for another goal of the same scene, if there is one: a policy that follows it fails the current
  /// goal.
  var contraryInstruction: String? { get }

  /// Where the episode started.
  var startState: StartState { get }

  /// Starts episode `episode` of a run with `seed`; these, the task and the actions determine everything that happens.
  func reset(seed: Int, episode: Int) throws

  /// Executes one action, one number in −1…1 per action name (larger ones are clipped).
  ///
  /// An action of the wrong length, or with a number that is not finite, is an error that changes nothing.
  func step(_ action: [Float]) throws -> StepResult

  /// The current observation; only the named cameras are rendered.
  func observe(cameras: Set<String>) throws -> Observation
}

/// An environment with a scripted demonstrator.
public protocol DemonstratedEnvironment: Environment {
  /// The demonstrator's action; repeated calls in the same state return the same action.
  func demonstratedAction() throws -> [Float]
}

/// A named collection of tasks.
public protocol EnvironmentSuite: Sendable {
  /// The suite's name, as in `env.type`.
  var name: String { get }
  /// The robot's name in datasets of the suite.
  var robotType: String { get }
  /// The tasks' names, as in `env.task`.
  var taskNames: [String] { get }
  /// The specification of a task's environments.
  func specification(ofTask task: String) throws -> EnvironmentSpecification
  /// Makes an environment for a task; call its `reset` before anything else.
  func makeEnvironment(task: String) throws -> any Environment
  /// The names that a task's results are stored under.
  func label(ofTask task: String) -> TaskLabel
  /// Where its episodes start.
  var initialStates: InitialStateSource { get }
  /// The number of states that a task's episodes start from in turn; nil if each episode has its own.
  func initialStateCount(ofTask task: String) throws -> Int?
  /// Where the first `episodes` episodes of a task start in a run with `seed`.
  func startStates(ofTask task: String, seed: Int, episodes: Int) throws -> [StartState]
  /// SHA-256 of the files that decide a task's episodes, by what they are.
  func fingerprint(ofTask task: String) throws -> [String: String]
  /// The folders that its files are read from, by what they are.
  func folders() throws -> [String: String]
}

extension EnvironmentSuite {
  /// The suite's name.
  public var robotType: String { name }

  /// Empty: the suite is part of the program.
  public func fingerprint(ofTask task: String) throws -> [String: String] { [:] }

  /// None: the suite is part of the program.
  public func folders() throws -> [String: String] { [:] }

  /// The suite as the group, and the task's place among its tasks.
  public func label(ofTask task: String) -> TaskLabel {
    TaskLabel(task: task, group: name, index: taskNames.firstIndex(of: task) ?? 0, name: task)
  }

  /// Sampled.
  public var initialStates: InitialStateSource { .sampled }

  /// Nil.
  public func initialStateCount(ofTask task: String) -> Int? { nil }

  /// Where an environment of the task starts them.
  public func startStates(ofTask task: String, seed: Int, episodes: Int) throws -> [StartState] {
    let environment = try makeEnvironment(task: task)
    return try (0..<episodes).map { episode in
      try environment.reset(seed: seed, episode: episode)
      return environment.startState
    }
  }
}

/// The names of a task's results: LeRobot's `task_group` and `task_id`, and a short name within the group.
public struct TaskLabel: Sendable, Hashable {
  /// The task as the suite names it.
  public let task: String
  /// The tasks whose results are averaged together.
  public let group: String
  /// The task's number within its group.
  public let index: Int
  /// The task's name within its group.
  public let name: String

  public init(task: String, group: String, index: Int, name: String) {
    self.task = task
    self.group = group
    self.index = index
    self.name = name
  }

  /// `GROUP/NAME`, for display.
  public var text: String { "\(group)/\(name)" }
  /// `GROUP_NAME`, for the videos' folder.
  public var folder: String { "\(group)_\(name)" }
}
