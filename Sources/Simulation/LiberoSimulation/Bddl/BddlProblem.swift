import Failures
import Foundation
import OrderedCollections

/// What a task's description says: what stands in the scene, where it may stand at first, and what is to be reached.
///
/// Names are in lower case, and everything keeps the file's order, which decides the order of bodies in the model and of
/// random draws at reset.
public struct BddlProblem: Sendable, Equatable {
  /// The kind of scene, such as `libero_tabletop_manipulation`.
  public var name = ""
  /// The instruction as this file words it.
  public var language = ""
  /// Names of the fixtures of each category.
  public var fixtures: OrderedDictionary<String, [String]> = [:]
  /// Names of the movable objects of each category.
  public var objects: OrderedDictionary<String, [String]> = [:]
  /// Regions by their full name: the target's, an underscore, the region's.
  public var regions: OrderedDictionary<String, BddlRegion> = [:]
  /// The objects that the task is about.
  public var objectsOfInterest: [String] = []
  public var initialState: [BddlPredicate] = []
  /// What must hold at once for the task to be done.
  public var goal: [BddlPredicate] = []

  /// Reads a file; what is wrong in it is an error that names the line and the column.
  public init(contentsOf file: URL) throws {
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      let settings = LiberoSettings.location(ProcessInfo.processInfo.environment).path
      throw Failure(
        "\(file.path) cannot be read as text; 'bddl_files:' in \(settings) names the folder of task descriptions")
    }
    try self.init(parsing: text, file: file.path)
  }

  /// Reads a text; `file` is what its errors call it.
  public init(parsing text: String, file: String) throws {
    do {
      self = try BddlProblem(BddlExpression(parsing: text))
    } catch let error as BddlSyntaxError {
      throw Failure("\(file):\(error.position.line):\(error.position.column): \(error.reason)")
    }
  }
}

/// A region: on a table or floor a rectangle, on an object one of the object's own sites.
public struct BddlRegion: Sendable, Equatable {
  public var target: String
  /// Rectangles relative to the target: metres, lower x and y, then upper x and y.
  public var ranges: [Rectangle] = []
  /// From and to which angle (radians about z) a fixture may be turned; the first may be the greater.
  public var yaw: (Double, Double) { (yawFrom, yawTo) }
  var yawFrom = 0.0
  var yawTo = 0.0
  /// The color of its site.
  public var rgba: [Double] = [0, 0, 1, 0]

  /// A rectangle of the target's surface, in metres.
  public struct Rectangle: Sendable, Equatable {
    /// From and to which x.
    public let x: ClosedSpan
    /// From and to which y.
    public let y: ClosedSpan
  }

  /// Two ends as they stand in the file; the first may be the greater.
  public struct ClosedSpan: Sendable, Equatable {
    public let from: Double
    public let to: Double
  }
}

/// A statement about one or two things.
public struct BddlPredicate: Sendable, Equatable {
  public enum Relation: String, Sendable, CaseIterable {
    /// The relations and states by their BDDL names.
    case on, `in`, open, close, turnOn = "turnon", turnOff = "turnoff"

    /// How many things it is about.
    public var arity: Int {
      switch self {
      case .on, .in: 2
      case .open, .close, .turnOn, .turnOff: 1
      }
    }
  }

  public let relation: Relation
  /// What it is stated of: an object, fixture or region for each.
  public let arguments: [String]
}

/// A task description that cannot be read, and where.
struct BddlSyntaxError: Error {
  let position: BddlPosition
  let reason: String

  init(_ position: BddlPosition, _ reason: String) {
    self.position = position
    self.reason = reason
  }
}
