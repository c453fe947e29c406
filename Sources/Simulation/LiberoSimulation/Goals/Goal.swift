import Failures
import MuJoCoPhysics

/// A task's goal, made ready for one model: all of its conditions must hold at once.
///
/// Poses and contacts are those of the last physics step's beginning, joints those of its end, as the official stack has
/// them when it asks.
public struct Goal: Sendable {
  private let conditions: [Condition]

  /// Makes a goal ready.
  ///
  /// - Parameters:
  ///   - predicates: what must hold.
  ///   - scene: where the things are that the predicates name.
  ///   - model: the scene's compiled model.
  /// - Throws: if the goal speaks of what the model does not have, or asks of a thing what it cannot be.
  public init(
    _ predicates: [BddlPredicate], of scene: LiberoScene, in model: PhysicsModel
  ) throws {
    var conditions: [Condition] = []
    for predicate in predicates { conditions.append(try Condition(predicate, of: scene, in: model)) }
    self.conditions = conditions
  }

  /// Whether the goal is reached.
  public func isReached(in simulation: Simulation) -> Bool {
    conditions.allSatisfy { $0.holds(in: simulation) }
  }
}

/// One condition of a goal.
private enum Condition: Sendable {
  case objectOnObject(GoalObject, GoalObject)
  case objectOnRegion(GoalObject, GoalRegion)
  case objectIn(GoalObject, GoalRegion)
  case anyJoint([Int], Articulation.Side)
  case allJoints([Int], Articulation.Side)

  init(_ predicate: BddlPredicate, of scene: LiberoScene, in model: PhysicsModel) throws {
    let sentence = "(\(predicate.relation.rawValue) \(predicate.arguments.joined(separator: " ")))"
    var things: [GoalEntity] = []
    for name in predicate.arguments {
      things.append(try GoalEntity(named: name, of: scene, in: model))
    }
    switch (predicate.relation, things.first, things.count > 1 ? things[1] : nil) {
    case (.on, .object(let object), .object(let support)): self = .objectOnObject(object, support)
    case (.on, .object(let object), .region(let region)): self = .objectOnRegion(object, region)
    case (.in, .object(let object), .region(let region)): self = .objectIn(object, region)
    case (.open, let thing?, nil): self = try .anyJoint(thing.joints, Self.known(thing.articulation?.open, sentence))
    case (.close, let thing?, nil):
      self = try .allJoints(thing.joints, Self.known(thing.articulation?.closed, sentence))
    case (.turnOn, .object(let object)?, nil):
      self = try .anyJoint(object.joints, Self.known(object.articulation.on, sentence))
    case (.turnOff, .object(let object)?, nil):
      self = try .allJoints(object.joints, Self.known(object.articulation.off, sentence))
    default: throw Failure("the goal \(sentence) is not one that LIBERO decides for such things")
    }
  }

  private static func known(
    _ side: Articulation.Side?, _ sentence: String
  ) throws -> Articulation.Side {
    guard let side else {
      throw Failure("the goal \(sentence) asks of a thing what LIBERO does not say of its kind")
    }
    return side
  }

  func holds(in simulation: Simulation) -> Bool {
    switch self {
    case .objectOnObject(let object, let support):
      let upper = simulation.bodyPosition(object.body)
      let lower = simulation.bodyPosition(support.body)
      let (x, y) = (lower.x - upper.x, lower.y - upper.y)
      return lower.z <= upper.z && (x * x + y * y).squareRoot() < 0.03
        && simulation.isContact(between: support.geoms, and: object.geoms)
    case .objectOnRegion(let object, let region):
      guard region.isUnder(simulation.bodyPosition(object.body), in: simulation) else { return false }
      guard let parent = region.parent else { return true }
      return simulation.isContact(between: parent.geoms, and: object.geoms)
    case .objectIn(let object, let region):
      // A region touches everything, by LIBERO's rule.
      return region.contains(simulation.bodyPosition(object.body), in: simulation)
    case .anyJoint(let joints, let side): return joints.contains { side.holds(simulation.position(at: $0)) }
    case .allJoints(let joints, let side): return joints.allSatisfy { side.holds(simulation.position(at: $0)) }
    }
  }
}

extension GoalEntity {
  fileprivate var joints: [Int] {
    switch self {
    case .object(let object): object.joints
    case .region(let region): region.joints
    }
  }

  fileprivate var articulation: Articulation? {
    switch self {
    case .object(let object): object.articulation
    case .region(let region): region.parent?.articulation
    }
  }
}
