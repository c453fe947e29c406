import Failures
import Foundation

/// One of LIBERO's suites of tasks.
public enum LiberoSuite: String, CaseIterable, Sendable {
  /// The same objects in different places.
  case spatial = "libero_spatial"
  /// Different objects in the same places.
  case object = "libero_object"
  /// The same scene with different goals.
  case goal = "libero_goal"
  case ten = "libero_10"
  case ninety = "libero_90"

  /// The suite of a name such as `libero_spatial`; another name is an error that lists them.
  public init(named name: String) throws {
    guard let suite = LiberoSuite(rawValue: name.lowercased()) else {
      let known = LiberoSuite.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure("there is no LIBERO suite '\(name)'; `env.task` takes one of \(known)")
    }
    self = suite
  }

  /// LeRobot's maximum of control steps per episode.
  public var maximumSteps: Int {
    switch self {
    case .spatial, .object: 280
    case .goal: 300
    case .ten: 520
    case .ninety: 400
    }
  }

  /// The suite's tasks in LIBERO's order.
  ///
  /// - Throws: if the package's list of tasks is missing or lacks this suite.
  public func tasks(_ settings: LiberoSettings) throws -> [LiberoTask] {
    let names = try TaskList(settings).names(of: rawValue)
    return names.enumerated().map { LiberoTask(suite: self, index: $0, name: $1, settings: settings) }
  }

  /// One task by its index; an index that the suite lacks is an error that names its range.
  public func task(_ index: Int, _ settings: LiberoSettings) throws -> LiberoTask {
    let tasks = try tasks(settings)
    guard tasks.indices.contains(index) else {
      throw Failure("\(rawValue) has tasks 0 to \(tasks.count - 1), and `env.task_ids` asks for \(index)")
    }
    return tasks[index]
  }
}

/// One task: its name, instruction, and the files of its description and initial states.
public struct LiberoTask: Sendable, Equatable {
  /// The suite it belongs to.
  public let suite: LiberoSuite
  /// Its index in the suite, from 0.
  public let index: Int
  /// Its name, which is also the name of its files.
  public let name: String
  /// Its instruction as LIBERO's benchmark passes it to a policy: the words of its name without the scene.
  public let language: String
  public let bddlFile: URL
  public let initialStatesFile: URL

  init(suite: LiberoSuite, index: Int, name: String, settings: LiberoSettings) {
    self.suite = suite
    self.index = index
    self.name = name
    language = Self.language(of: name)
    bddlFile = settings.bddlFiles.appendingPathComponent(suite.rawValue).appendingPathComponent("\(name).bddl")
    initialStatesFile = settings.initialStates.appendingPathComponent(suite.rawValue)
      .appendingPathComponent("\(name).pruned_init")
  }

  /// Task names of `libero_10` and `libero_90` start with the scene: `KITCHEN_SCENE10_close_the_…`.
  private static func language(of name: String) -> String {
    var words = name
    if name.first?.isUppercase == true, let scene = name.range(of: "SCENE") {
      words = String(name[scene.upperBound...].drop { $0.isNumber }.dropFirst())
    }
    return words.replacingOccurrences(of: "_", with: " ")
  }
}
