/// One camera of an environment.
public struct CameraSpecification: Sendable, Equatable {
  /// The name, as in `observation.images.NAME`.
  public let name: String
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int

  public init(name: String, width: Int, height: Int) {
    self.name = name
    self.width = width
    self.height = height
  }
}

/// What an environment shows and takes, the same for all episodes of a suite.
public struct EnvironmentSpecification: Sendable, Equatable {
  /// The cameras, in a fixed order.
  public let cameras: [CameraSpecification]
  /// A name for each number of the state.
  public let stateNames: [String]
  /// A name for each number of an action; each lies in −1…1.
  public let actionNames: [String]
  /// Control steps per second of simulated time.
  public let framesPerSecond: Int
  /// Control steps after which an episode has failed.
  public let maximumSteps: Int
  /// The rate that a dataset of this environment states; another than ``framesPerSecond`` only where the published ones do.
  public let datasetFramesPerSecond: Int

  /// Makes a description; a dataset's rate is the control steps' where nothing else is said.
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

/// A world with a goal that a policy acts in, one control step at a time; used by one thread at a time.
///
/// ```swift
/// try environment.reset(seed: 1000, episode: 3)
/// while step < environment.specification.maximumSteps {
///   let observation = try environment.observe(cameras: ["image", "image2"])
///   if try environment.step(policy(observation)).terminated { break }
/// }
/// ```
public protocol Environment: AnyObject {
  /// What it shows and takes.
  var specification: EnvironmentSpecification { get }
  /// The task of the present episode in words.
  var instruction: String { get }
  /// Words that ask for another goal of the same scene, if there is one: told these, a policy that listens misses the
  /// present goal.
  var contraryInstruction: String? { get }

  /// Begins episode `episode` of a run with `seed`: all that happens follows from these two, the task and the actions.
  func reset(seed: Int, episode: Int) throws

  /// Carries out one action, one number in −1…1 per action name (larger ones are clipped).
  ///
  /// An action of the wrong length, or with a number that is not finite, is an error and leaves the world as it was.
  func step(_ action: [Float]) throws -> StepResult

  /// What is seen now; only the named cameras are drawn.
  func observe(cameras: Set<String>) throws -> Observation
}

/// An environment that can show how its task is done.
public protocol DemonstratedEnvironment: Environment {
  /// The action a demonstrator would take now; the same call in the same state of the episode gives the same action.
  func demonstratedAction() throws -> [Float]
}

/// A named collection of tasks.
public protocol EnvironmentSuite: Sendable {
  /// The suite's name, as in `env.type`.
  var name: String { get }
  /// The robot, as datasets of the suite call it.
  var robotType: String { get }
  /// The tasks' names, as in `env.task`.
  var taskNames: [String] { get }
  /// What every environment of a task shows and takes.
  func specification(ofTask task: String) throws -> EnvironmentSpecification
  /// Makes an environment for a task; call its `reset` before anything else.
  func makeEnvironment(task: String) throws -> any Environment
  /// Under which names a task's results are kept.
  func label(ofTask task: String) -> TaskLabel
}

extension EnvironmentSuite {
  /// The suite's name, where its robot has none of its own.
  public var robotType: String { name }

  /// The suite as the group, and the task's place among its tasks.
  public func label(ofTask task: String) -> TaskLabel {
    TaskLabel(task: task, group: name, index: taskNames.firstIndex(of: task) ?? 0, name: task)
  }
}

/// How a task's results are filed: LeRobot's `task_group` and `task_id`, and a short name within the group.
public struct TaskLabel: Sendable, Hashable {
  /// The task as the suite names it.
  public let task: String
  /// The tasks that one figure sums up.
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

  /// `GROUP/NAME`, for a person.
  public var text: String { "\(group)/\(name)" }
  /// `GROUP_NAME`, for the videos' folder.
  public var folder: String { "\(group)_\(name)" }
}
