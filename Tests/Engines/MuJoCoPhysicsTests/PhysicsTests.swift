import Failures
import MuJoCoPhysics
import Testing

struct SimulationTests {
  static let ball = """
    <mujoco><option timestep="0.001"/><worldbody>
      <body name="ball" pos="0 0 5"><freejoint name="ball"/><geom size="0.1" mass="1"/></body>
    </worldbody></mujoco>
    """

  @Test func `a ball falls with gravity's acceleration`() throws {
    let simulation = try Simulation(PhysicsModel(xml: Self.ball))
    try simulation.step(count: 500)
    // Semi-implicit Euler: z = z₀ − g·h²·n(n+1)/2 exactly, which is g·t²/2 within g·t·h/2.
    let height = simulation.bodyPosition(try simulation.model.index(of: .body, named: "ball")).z
    try simulation.forward()
    let discrete: Double = 5 - 9.81 * 1e-6 * 500 * 501 / 2
    let continuous: Double = 5 - 9.81 * 0.25 / 2
    #expect(abs(simulation.position(at: 2) - discrete) < 1e-9)
    let eulerError: Double = 9.81 * 0.5 * 0.001 / 2 + 1e-9
    #expect(abs(simulation.position(at: 2) - continuous) < eulerError)
    #expect(abs(simulation.velocity(at: 2) + 9.81 * 0.5) < 1e-9)
    #expect(height >= simulation.position(at: 2))
    #expect(abs(simulation.time - 0.5) < 1e-9)
  }

  @Test func `a pendulum swings with its period`() throws {
    let xml = """
      <mujoco><option timestep="0.0005" integrator="RK4"/><worldbody>
        <body><joint name="hinge" type="hinge" axis="0 1 0"/>
          <geom type="sphere" size="0.001" pos="0 0 -1" mass="1"/></body>
      </worldbody></mujoco>
      """
    let simulation = try Simulation(PhysicsModel(xml: xml))
    simulation.setPosition(0.01, at: 0)
    var crossing = 0.0
    var before = 0.01
    while crossing == 0, simulation.time < 2 {
      try simulation.step()
      let now = simulation.position(at: 0)
      if before > 0, now <= 0 { crossing = simulation.time - 0.0005 * now / (now - before) }
      before = now
    }
    // A quarter of 2π√(l/g)·(1 + θ²/16).
    let quarter: Double = Double.pi / 2 * (1 / 9.81).squareRoot() * (1 + 0.0001 / 16)
    #expect(abs(crossing - quarter) < 1e-5)
  }

  @Test func `a body rests on a table and touches it`() throws {
    let xml = """
      <mujoco><worldbody><geom name="table" type="plane" size="1 1 0.1"/>
        <body pos="0 0 0.1"><freejoint name="box"/><geom name="box" type="box" size="0.05 0.05 0.05" mass="1"/></body>
      </worldbody></mujoco>
      """
    let simulation = try Simulation(PhysicsModel(xml: xml))
    let table = try simulation.model.index(of: .geom, named: "table")
    let box = try simulation.model.index(of: .geom, named: "box")
    #expect(!simulation.touches(geom: table, geom: box))
    try simulation.step(count: 1000)
    #expect(simulation.touches(geom: table, geom: box))
    #expect(simulation.touches(geom: box, geom: table))
    #expect(abs(simulation.position(at: 2) - 0.05) < 0.001)
  }

  @Test func `simulations share a model across threads and are bit-identical`() async throws {
    let model = try PhysicsModel(xml: Self.ball)
    let heights = try await withThrowingTaskGroup(of: Double.self) { group in
      for _ in 0..<8 {
        group.addTask {
          let simulation = try Simulation(model)
          simulation.setVelocity(0.3, at: 4)
          try simulation.step(count: 300)
          return simulation.position(at: 2)
        }
      }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(Set(heights).count == 1)
  }

  @Test func `a NaN state is an error until a reset`() throws {
    let simulation = try Simulation(PhysicsModel(xml: Self.ball))
    simulation.setVelocity(.nan, at: 0)
    let error = #expect(throws: Failure.self) { try simulation.step() }
    #expect(error?.description.contains("velocity 0 became infinite or not a number") == true)
    try simulation.reset()
    try simulation.step(count: 10)
    #expect(simulation.position(at: 2).isFinite)
  }

  @Test func `an error inside the engine is thrown`() throws {
    // So little memory that the contacts of a pile cannot be stored.
    let boxes = (0..<40).map {
      "<body pos='0 0 \(0.05 + Double($0) * 0.01)'><freejoint/><geom type='box' size='.1 .1 .05'/></body>"
    }
    let xml = """
      <mujoco><size memory="20K"/><worldbody><geom type="plane" size="1 1 .1"/>\(boxes.joined())</worldbody></mujoco>
      """
    #expect(throws: Failure.self) {
      let simulation = try Simulation(PhysicsModel(xml: xml))
      try simulation.step(count: 10)
    }
  }
}

struct PhysicsModelTests {
  @Test func `a model lists its named elements`() throws {
    let model = try PhysicsModel(xml: SimulationTests.ball)
    #expect(model.names(of: .body) == ["world", "ball"])
    #expect((model.positionCount, model.velocityCount, model.actuatorCount) == (7, 6, 0))
    #expect(model.timestep == 0.001)
    let error = #expect(throws: Failure.self) { try model.index(of: .joint, named: "elbow") }
    #expect(error?.description == "the model has no joint named 'elbow'; it has ball")
  }

  @Test(arguments: ["", "not xml", "<mujoco><worldbody><geom type='cube'/></worldbody></mujoco>"])
  func `refuses a bad document in MuJoCo's words`(_ document: String) {
    let error = #expect(throws: Failure.self) { try PhysicsModel(xml: document) }
    #expect(error?.description.hasPrefix("MuJoCo cannot read the model: ") == true)
  }

  @Test func `a document that cannot be compiled is refused`() {
    let xml = "<mujoco><worldbody><body><freejoint/></body></worldbody></mujoco>"
    let error = #expect(throws: Failure.self) { try PhysicsModel(xml: xml) }
    #expect(error?.description.hasPrefix("MuJoCo cannot compile the model: ") == true)
  }
}
