import Failures
import MuJoCoPhysics

/// A task's goal, resolved for one model: all of its conditions must hold at once.
///
/// Poses and contacts are from before the last physics step, joints from after it, as in the official stack.
public struct Goal: Sendable {
  private let conditions: [Condition]

  /// Resolves a goal.
  ///
  /// - Parameters:
  ///   - predicates: what must hold.
  ///   - scene: the objects and regions that the predicates name.
  ///   - model: the scene's compiled model.
  /// - Throws: if the model lacks what the goal names, or LIBERO does not define the goal for it.
  public init(_ predicates: [BddlPredicate], of scene: LiberoScene, in model: PhysicsModel) throws {
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
  case anyJoint([Int], Articulation.JointRange)
  case allJoints([Int], Articulation.JointRange)

  init(_ predicate: BddlPredicate, of scene: LiberoScene, in model: PhysicsModel) throws {
    let goal = "(\(predicate.relation.rawValue) \(predicate.arguments.joined(separator: " ")))"
    var entities: [GoalEntity] = []
    for name in predicate.arguments {
      entities.append(try GoalEntity(named: name, of: scene, in: model))
    }
    switch (predicate.relation, entities.first, entities.count > 1 ? entities[1] : nil) {
    case (.on, .object(let object), .object(let support)): self = .objectOnObject(object, support)
    case (.on, .object(let object), .region(let region)): self = .objectOnRegion(object, region)
    case (.in, .object(let object), .region(let region)): self = .objectIn(object, region)
    case (.open, let entity?, nil): self = try .anyJoint(entity.joints, Self.defined(entity.articulation?.open, goal))
    case (.close, let entity?, nil):
      self = try .allJoints(entity.joints, Self.defined(entity.articulation?.closed, goal))
    case (.turnOn, .object(let object)?, nil):
      self = try .anyJoint(object.joints, Self.defined(object.articulation.on, goal))
    case (.turnOff, .object(let object)?, nil):
      self = try .allJoints(object.joints, Self.defined(object.articulation.off, goal))
    default: throw Failure("the goal \(goal) is not defined by LIBERO for these kinds of objects")
    }
  }

  private static func defined(_ range: Articulation.JointRange?, _ goal: String) throws -> Articulation.JointRange {
    guard let range else {
      throw Failure("LIBERO defines no joint values for the goal \(goal) and this category")
    }
    return range
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
    case .anyJoint(let joints, let range): return joints.contains { range.contains(simulation.position(at: $0)) }
    case .allJoints(let joints, let range): return joints.allSatisfy { range.contains(simulation.position(at: $0)) }
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
