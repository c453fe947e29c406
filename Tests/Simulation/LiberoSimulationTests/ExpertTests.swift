import CounterBasedRandom
import Failures
import RobotEnvironments
import Testing

@testable import LiberoSimulation

/// A gripper that goes where it is sent and a bowl that hangs on it: what the plan does, without a simulator.
private struct SimulatedGripper {
  var gripper = SIMD3(-0.2, 0.0, 1.17)
  var bowl: SIMD3<Double>
  let plate = SIMD3(0.05, 0.2, 0.902)
  private var opening = 1.0
  private var hangsBy: SIMD3<Double>?
  /// On which side of the bowl the gripper cannot get down, if on any.
  var blockedSide: Double?

  init(bowl: SIMD3<Double>) { self.bowl = bowl }

  var sceneState: PickAndPlace.SceneState { PickAndPlace.SceneState(gripper: gripper, object: bowl, support: plate) }

  mutating func step(_ action: SIMD4<Double>) {
    var next = gripper + SIMD3(action.x, action.y, action.z) * 0.015
    if let side = blockedSide, (next.y - bowl.y) * side > 0, next.z < bowl.z + 0.07 { next.z = bowl.z + 0.07 }
    gripper = next
    opening = min(1, max(0, opening - (action.w == 0 ? 0 : action.w > 0 ? 0.125 : -0.125)))
    if opening > 0.1 {
      hangsBy = nil
    } else if hangsBy == nil {
      let away = gripper - bowl
      let isAtRim = abs(abs(away.y) - 0.048) < 0.015 && abs(away.x) < 0.015 && away.z < 0.05
      if isAtRim { hangsBy = away }
    }
    if let hangsBy { bowl = gripper - hangsBy } else { bowl.z = max(0.902, bowl.z - 0.02) }
  }
}

struct PickAndPlaceTests {
  private let random = CountedRandom(seed: 3, "test")

  private func run(_ scene: inout SimulatedGripper, steps: Int = 250) throws -> [SIMD4<Double>] {
    var plan = PickAndPlace(try #require(Grasp.of("akita_black_bowl")), random: random)
    return (0..<steps).map { step in
      let action = plan.action(scene.sceneState, step: step)
      scene.step(action)
      return action
    }
  }

  @Test func `brings a bowl onto a plate, lets go and leaves`() throws {
    var scene = SimulatedGripper(bowl: SIMD3(-0.1, -0.1, 0.902))
    let actions = try run(&scene)
    let away = scene.bowl - scene.plate
    #expect((away.x * away.x + away.y * away.y).squareRoot() < 0.02)
    #expect(scene.gripper.z > scene.bowl.z + 0.08)
    #expect(actions.allSatisfy { action in (0..<4).allSatisfy { abs(action[$0]) <= 1 } })
    #expect(actions.last?.w == -1)
  }

  @Test func `does the same again`() throws {
    var first = SimulatedGripper(bowl: SIMD3(0.02, 0.05, 0.902))
    var second = first
    #expect(try run(&first) == run(&second))
  }

  @Test(arguments: [-1.0, 1.0]) func `tries the other side where it cannot get down`(side: Double) throws {
    var scene = SimulatedGripper(bowl: SIMD3(-0.1, -0.1, 0.902))
    scene.blockedSide = side
    _ = try run(&scene, steps: 280)
    let away = scene.bowl - scene.plate
    #expect((away.x * away.x + away.y * away.y).squareRoot() < 0.02)
  }

  @Test func `knows no grasp for what it was not made for`() {
    #expect(Grasp.of("wooden_cabinet") == nil)
  }
}

@Suite(.enabled(if: SceneMaterial.shared != nil, "needs the packages' data and scene assets"))
struct LiberoExpertTests {
  private func tasks(_ suite: LiberoSuite, _ identifier: Int) throws -> LiberoTasks {
    var options = LiberoTasks.Options()
    options.backend = .osmesa
    let material = try #require(SceneMaterial.shared)
    var settings = material.settings
    settings.assets = material.assets
    return try LiberoTasks(suites: [suite], identifiers: [identifier], settings: settings, options: options)
  }

  @Test func `puts the bowl on the plate, and says the same thing twice`() throws {
    let environment = try tasks(.spatial, 3).makeLiberoEnvironment(task: "libero_spatial_3")
    try environment.reset(seed: 0, episode: 0)
    var succeeded = false
    for _ in 0..<environment.specification.maximumSteps where !succeeded {
      let action = try environment.demonstratedAction()
      #expect(try environment.demonstratedAction() == action)
      #expect(action.count == 7 && action.allSatisfy { (-1...1).contains($0) })
      succeeded = try environment.step(action).success
    }
    #expect(succeeded)
  }

  @Test func `refuses by name a task that it has no plan for`() throws {
    let environment = try tasks(.object, 1).makeLiberoEnvironment(task: "libero_object_1")
    try environment.reset(seed: 0, episode: 0)
    let error = #expect(throws: Failure.self) { try environment.demonstratedAction() }
    #expect(error?.description.contains("no plan for libero_object task 1") == true)
  }

  @Test func `environments of a task share one model`() throws {
    let tasks = try tasks(.spatial, 0)
    let environments = try (0..<2).map { _ in try tasks.makeLiberoEnvironment(task: "libero_spatial_0") }
    #expect(environments[0].world.model === environments[1].world.model)
    try environments[0].reset(seed: 1000, episode: 0)
    try environments[1].reset(seed: 1000, episode: 1)
    #expect(environments[0].simulation.positions != environments[1].simulation.positions)
    let seen = try environments[0].observe(cameras: [])
    #expect(seen.state.count == 8 && seen.images.isEmpty)
    #expect(seen.instruction.hasPrefix("pick up the black bowl between the plate and the ramekin"))
  }
}
