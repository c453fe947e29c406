import Failures
import Foundation
import OrderedCollections

/// A task's description: the scene's objects, the regions of their initial positions, and the goal.
///
/// Names are in lower case. The file's order is kept, because it determines the order of bodies in the model and of
/// random draws at reset.
public struct BddlProblem: Sendable, Equatable {
  /// The kind of scene, such as `libero_tabletop_manipulation`.
  public var name = ""
  /// The file's wording of the instruction.
  public var language = ""
  /// Names of the fixtures of each category.
  public var fixtures: OrderedDictionary<String, [String]> = [:]
  /// Names of the movable objects of each category.
  public var objects: OrderedDictionary<String, [String]> = [:]
  /// Regions by their full name, `TARGET_REGION`.
  public var regions: OrderedDictionary<String, BddlRegion> = [:]
  /// The objects that the task involves.
  public var objectsOfInterest: [String] = []
  public var initialState: [BddlPredicate] = []
  /// What must hold at once for the task to be done.
  public var goal: [BddlPredicate] = []

  /// Reads a file; an error in it names the line and the column.
  public init(contentsOf file: URL) throws {
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      let settings = LiberoSettings.location(ProcessInfo.processInfo.environment).path
      throw Failure(
        "\(file.path) cannot be read as text; 'bddl_files:' in \(settings) names the folder of task descriptions")
    }
    try self.init(parsing: text, file: file.path)
  }

  /// Parses a text; `file` is its name in errors.
  public init(parsing text: String, file: String) throws {
    do {
      self = try BddlProblem(BddlExpression(parsing: text))
    } catch let error as BddlSyntaxError {
      throw Failure("\(file):\(error.position.line):\(error.position.column): \(error.reason)")
    }
  }
}

/// A region: a rectangle on a table or floor, or a site of an object.
public struct BddlRegion: Sendable, Equatable {
  public var target: String
  /// Rectangles relative to the target: meters, lower x and y, then upper x and y.
  public var ranges: [Rectangle] = []
  /// The range of a fixture's yaw (radians about z); the first may be the greater.
  public var yaw: (Double, Double) { (yawFrom, yawTo) }
  var yawFrom = 0.0
  var yawTo = 0.0
  /// The color of its site.
  public var rgba: [Double] = [0, 0, 1, 0]

  /// A rectangle of the target's surface, in meters.
  public struct Rectangle: Sendable, Equatable {
    public let x: Span
    public let y: Span
  }

  /// A range as in the file; the first number may be the greater.
  public struct Span: Sendable, Equatable {
    public let from: Double
    public let to: Double
  }
}

/// A relation or state of one or two objects, fixtures or regions.
public struct BddlPredicate: Sendable, Equatable {
  public enum Relation: String, Sendable, CaseIterable {
    /// The relations and states by their BDDL names.
    case on, `in`, open, close, turnOn = "turnon", turnOff = "turnoff"

    /// The number of arguments.
    public var arity: Int {
      switch self {
      case .on, .in: 2
      case .open, .close, .turnOn, .turnOff: 1
      }
    }
  }

  public let relation: Relation
  /// Names of objects, fixtures or regions.
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
