import Failures
import Foundation
import ModelFiles
import MuJoCoPhysics
import RobotEnvironments
import Synchronization

/// LIBERO's suites as environments: the chosen tasks of one suite or several, named `libero_spatial_0`.
///
/// The environments of a task share its compiled model; of all models only the last task's is kept, because an evaluation
/// runs one task after another.
///
/// ```swift
/// let tasks = try LiberoTasks(suites: [.spatial], identifiers: [0, 3], settings: .resolve())
/// let environment = try tasks.makeEnvironment(task: "libero_spatial_3")
/// ```
public final class LiberoTasks: EnvironmentSuite {
  /// What the environments of a choice of tasks have in common.
  public struct Options: Sendable {
    public var initialStates = InitialStateSource.official
    public var mode = ControlMode.relative
    public var width = LiberoEnvironment.imageSize, height = LiberoEnvironment.imageSize
    /// What the view of the scene and that of the hand are called; nil for LeRobot's names.
    public var cameras: [String]?
    /// Control steps in a second.
    public var framesPerSecond = LiberoEnvironment.framesPerSecond
    /// Control steps of an episode; nil for each suite's own.
    public var maximumSteps: Int?
    /// The library to draw with; nil selects by `MUJOCO_GL`.
    public var backend: GraphicsBackend?

    public init() {}
  }

  private let tasks: [LiberoTask]
  private let settings: LiberoSettings
  private let options: Options
  private let world = Mutex<LiberoWorld?>(nil)
  private let assetsHash = Mutex<String?>(nil)

  /// Chooses tasks; scene assets are searched for when the first environment is made.
  ///
  /// - Parameters:
  ///   - suites: the suites, in order.
  ///   - identifiers: which of each suite's tasks; nil for all.
  ///   - settings: the folders of LIBERO's files.
  /// - Throws: tasks whose files are not where the settings say.
  public init(
    suites: [LiberoSuite], identifiers: [Int]? = nil, settings: LiberoSettings, options: Options = Options()
  ) throws {
    guard (16...1024).contains(options.width), (16...1024).contains(options.height) else {
      throw Failure(
        "LIBERO's images have 16 to 1024 pixels a side, and \(options.width) × \(options.height) was requested")
    }
    guard LiberoEnvironment.isControlRate(options.framesPerSecond) else {
      throw Failure(
        "LIBERO's physics makes 500 steps in a second: expected a control rate (`env.fps`) up to 100 that divides them, such as "
          + "20, 10 or 50, found \(options.framesPerSecond)")
    }
    var chosen: [LiberoTask] = []
    for suite in suites {
      guard let identifiers else {
        chosen += try suite.tasks(settings)
        continue
      }
      for identifier in identifiers { chosen.append(try suite.task(identifier, settings)) }
    }
    let names = chosen.map(Self.name)
    if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
      throw Failure(
        "the task \(twice) is chosen twice (`env.task`, `env.task_ids`), and its episodes would count twice")
    }
    for task in chosen {
      let needed =
        [("bddl_files", task.bddlFile)]
        + (options.initialStates == .official ? [("init_states", task.initialStatesFile)] : [])
      for (key, file) in needed where !FileManager.default.fileExists(atPath: file.path) {
        throw Failure(
          "LIBERO's task \(Self.name(of: task)) needs \(file.path), which is not there; correct '\(key):' in "
            + "\(LiberoSettings.location(ProcessInfo.processInfo.environment).path), or remove it to use the package's")
      }
    }
    tasks = chosen
    self.settings = settings
    var options = options
    if options.backend == nil { options.backend = try GraphicsBackend.requested() }
    self.options = options
  }

  public var name: String { "libero" }
  /// `panda`, as in the published datasets of LIBERO.
  public var robotType: String { "panda" }
  /// `SUITE_N` for each chosen task.
  public var taskNames: [String] { tasks.map(Self.name) }

  private static func name(of task: LiberoTask) -> String { "\(task.suite.rawValue)_\(task.index)" }

  /// Cameras, state and action of LeRobot's environment; the suite's maximum of steps.
  public func specification(ofTask task: String) throws -> EnvironmentSpecification {
    let found = try find(task)
    return LiberoEnvironment.specification(
      maximumSteps: options.maximumSteps ?? found.suite.maximumSteps, width: options.width, height: options.height,
      cameras: options.cameras, framesPerSecond: options.framesPerSecond)
  }

  /// Makes an environment for a task; the first one of a task assembles and compiles its scene.
  public func makeEnvironment(task: String) throws -> any Environment {
    try makeLiberoEnvironment(task: task)
  }

  /// Makes an environment for a task, as its concrete type.
  public func makeLiberoEnvironment(task: String) throws -> LiberoEnvironment {
    let found = try find(task)
    return try LiberoEnvironment(
      world(of: found), initialStates: options.initialStates, mode: options.mode, backend: options.backend,
      specification: specification(ofTask: task))
  }

  public var initialStates: InitialStateSource { options.initialStates }

  /// The number of the task's official states; nil if they are sampled.
  public func initialStateCount(ofTask task: String) throws -> Int? {
    let found = try find(task)
    return try options.initialStates == .official ? InitialStates(contentsOf: found.initialStatesFile).count : nil
  }

  /// Where episodes start; official states are read from their file, without building the scene.
  public func startStates(ofTask task: String, seed: Int, episodes: Int) throws -> [StartState] {
    guard options.initialStates == .sampled else { return try officialStates(of: find(task), episodes: episodes) }
    let environment = try makeEnvironment(task: task)
    return try (0..<episodes).map { episode in
      try environment.reset(seed: seed, episode: episode)
      return environment.startState
    }
  }

  private func officialStates(of task: LiberoTask, episodes: Int) throws -> [StartState] {
    let states = try InitialStates(contentsOf: task.initialStatesFile)
    // Each movable object's free joint has seven positions and six velocities; all other joints have one of each.
    let objects = try BddlProblem(contentsOf: task.bddlFile).objects.values.reduce(0) { $0 + $1.count }
    let velocities = (states.width - 1 - objects) / 2
    return try (0..<episodes).map { episode in
      let state = try states.state(episode: episode, positions: velocities + objects, velocities: velocities)
      return StartState(positions: state.positions)
    }
  }

  /// The suite as the group and the task's number in it, as in LeRobot.
  public func label(ofTask task: String) -> TaskLabel {
    guard let found = tasks.first(where: { Self.name(of: $0) == task }) else {
      return TaskLabel(task: task, group: name, index: 0, name: task)
    }
    return TaskLabel(task: task, group: found.suite.rawValue, index: found.index, name: String(found.index))
  }

  /// The task's definition and initial states, and the scene assets.
  public func fingerprint(ofTask task: String) throws -> [String: String] {
    let found = try find(task)
    return [
      "task": try MappedFile(found.bddlFile).sha256, "initial_states": try MappedFile(found.initialStatesFile).sha256,
      "assets": try assetsSHA256(),
    ]
  }

  /// The scene assets and the folders that the settings name.
  public func folders() throws -> [String: String] {
    [
      "assets": try LiberoAssets.resolve(settings).path, "bddl_files": settings.bddlFiles.path,
      "init_states": settings.initialStates.path,
    ]
  }

  private func assetsSHA256() throws -> String {
    try assetsHash.withLock { known in
      if let known { return known }
      let folder = try LiberoAssets.resolve(settings).resolvingSymlinksInPath()
      let hash = try sha256(ofFolder: folder)
      known = hash
      return hash
    }
  }

  private func world(of task: LiberoTask) throws -> LiberoWorld {
    try world.withLock { (cached) throws -> LiberoWorld in
      if let cached, cached.task == task { return cached }
      cached = nil
      let made = try LiberoWorld(task, assets: LiberoAssets.resolve(settings))
      cached = made
      return made
    }
  }

  private func find(_ name: String) throws -> LiberoTask {
    guard let found = tasks.first(where: { Self.name(of: $0) == name }) else {
      throw Failure("there is no chosen task '\(name)'; there are \(taskNames.joined(separator: ", "))")
    }
    return found
  }
}
