import CounterBasedRandom
import Failures
import MuJoCoPhysics
import RobotEnvironments

/// The scripted expert in one episode of a task.
struct Demonstration: Sendable {
  private let object: Int
  private let support: Int
  private let others: [(body: Int, radius: Double)]
  private var plan: PickAndPlace
  /// The last control step whose action was computed, and the action.
  private var last: (step: Int, action: [Float])?

  /// Makes a plan for a task: its only goal must be to put something that the expert can grasp onto a plate.
  ///
  /// - Parameter random: the episode's random numbers.
  /// - Throws: if there is no plan for the task.
  init(_ world: LiberoWorld, random: CountedRandom) throws {
    let goals = world.scene.problem.goal
    let objects = world.scene.objects
    guard goals.count == 1, let goal = goals.first, goal.relation == .on, goal.arguments.count == 2,
      let object = objects.first(where: { $0.name == goal.arguments[0] }), let grasp = Grasp.of(object.category),
      let support = objects.first(where: { $0.name == goal.arguments[1] && $0.category == "plate" })
    else {
      throw Failure(
        "the scripted expert has no plan for \(world.task.suite.rawValue) task \(world.task.index), "
          + "'\(world.task.language)'; it puts bowls on plates")
    }
    self.object = try world.model.index(of: .body, named: object.body)
    self.support = try world.model.index(of: .body, named: support.body)
    var others: [(body: Int, radius: Double)] = []
    for other in objects where other.name != object.name {
      // Approximate radii: fixtures are cabinets, stoves and racks, the rest is tableware.
      others.append((try world.model.index(of: .body, named: other.body), other.isFixture ? 0.2 : 0.05))
    }
    self.others = others
    plan = PickAndPlace(grasp, random: random)
  }

  /// The action at a control step, seven numbers; the gripper keeps its orientation.
  mutating func action(_ simulation: Simulation, gripper: Int, step: Int) -> [Float] {
    if let last, last.step == step { return last.action }
    let move = plan.action(sceneState(simulation, gripper: gripper), step: step)
    let action = [Float(move.x), Float(move.y), Float(move.z), 0, 0, 0, Float(move.w)]
    last = (step, action)
    return action
  }

  private func sceneState(_ simulation: Simulation, gripper: Int) -> PickAndPlace.SceneState {
    PickAndPlace.SceneState(
      gripper: simulation.sitePosition(gripper), object: simulation.bodyPosition(object),
      support: simulation.bodyPosition(support), others: others.map { (simulation.bodyPosition($0.body), $0.radius) })
  }

  /// The current phase.
  var phase: PickAndPlace.Phase { plan.phase }
}

extension LiberoEnvironment: DemonstratedEnvironment {
  /// The scripted expert's action; a task that it has no plan for is an error.
  public func demonstratedAction() throws -> [Float] {
    var current = try demonstration ?? Demonstration(world, random: episodeRandom)
    let action = current.action(simulation, gripper: motion.robot.gripSite, step: stepsTaken)
    demonstration = current
    return action
  }
}
