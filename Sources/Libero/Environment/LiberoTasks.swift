import Environments
import Foundation
import MuJoCo
import Synchronization

/// LIBERO's tasks as one suite of environments; tasks are called `libero_spatial_0`, by suite and index.
///
/// A task is compiled when its first environment is made and shared until its last one is gone.
public final class LiberoTasks: EnvironmentSuite {
  private struct Compiled {
    weak var world: LiberoWorld?
  }

  private let tasks: [(name: String, task: LiberoTask)]
  private let assets: URL
  private let mode: ControlMode
  private let backend: GraphicsBackend?
  private let compiled = Mutex<[String: Compiled]>([:])

  /// Chooses tasks.
  ///
  /// - Parameters:
  ///   - suites: the suites, in order.
  ///   - indices: tasks of each suite; nil takes all of them.
  ///   - mode: how actions are meant.
  ///   - settings: where LIBERO's files lie; nil reads its own settings file.
  ///   - assets: the folder of scene assets; nil finds it by the settings.
  ///   - backend: the library to draw with; nil takes what `MUJOCO_GL` asks for, or chooses by itself.
  public init(
    _ suites: [LiberoSuite], indices: [Int]? = nil, mode: ControlMode = .relative, settings: LiberoSettings? = nil,
    assets: URL? = nil, backend: GraphicsBackend? = nil
  ) throws(LiberoError) {
    let settings = if let settings { settings } else { try LiberoSettings.resolve() }
    var tasks: [(name: String, task: LiberoTask)] = []
    for suite in suites {
      let all = try suite.tasks(settings)
      for index in indices ?? Array(all.indices) {
        guard all.indices.contains(index) else {
          throw LiberoError(
            "\(suite.rawValue) has tasks 0 to \(all.count - 1), and --env.task_ids asks for \(index)")
        }
        tasks.append(("\(suite.rawValue)_\(index)", all[index]))
      }
    }
    self.tasks = tasks
    self.mode = mode
    self.backend = backend
    if let assets { self.assets = assets } else { self.assets = try LiberoAssets.resolve(settings) }
  }

  /// `libero`.
  public var name: String { "libero" }

  /// The chosen tasks.
  public var taskNames: [String] { tasks.map(\.name) }

  /// What every environment of a task shows and takes.
  public func specification(ofTask task: String) throws(EnvironmentError) -> EnvironmentSpecification {
    LiberoEnvironment.specification(maximumSteps: try find(task).suite.maximumSteps)
  }

  /// Makes an environment for a task.
  public func makeEnvironment(task: String) throws(EnvironmentError) -> any Environment {
    try makeLiberoEnvironment(task: task)
  }

  /// Makes an environment for a task, with all that LIBERO's have.
  public func makeLiberoEnvironment(task: String) throws(EnvironmentError) -> LiberoEnvironment {
    try LiberoEnvironment(world(task), mode: mode, backend: backend)
  }

  private func world(_ name: String) throws(EnvironmentError) -> LiberoWorld {
    let task = try find(name)
    let found: Result<LiberoWorld, LiberoError> = compiled.withLock { compiled in
      // Others wait here: compiling a task twice at once would cost its memory twice.
      if let world = compiled[name]?.world { return .success(world) }
      let made = Result { () throws(LiberoError) in try LiberoWorld(task, assets: assets) }
      if case .success(let world) = made { compiled[name] = Compiled(world: world) }
      return made
    }
    do throws(LiberoError) { return try found.get() } catch { throw EnvironmentError(error.description) }
  }

  private func find(_ name: String) throws(EnvironmentError) -> LiberoTask {
    guard let found = tasks.first(where: { $0.name == name }) else {
      throw EnvironmentError("libero has no task '\(name)' here; it has \(taskNames.joined(separator: ", "))")
    }
    return found.task
  }
}
