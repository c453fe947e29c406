import Failures
import MuJoCoPhysics
import Testing

struct ModelOverridesTests {
  private static let xml = """
    <mujoco><worldbody>
      <body name="shelf" pos="1 0 0"><geom size="0.1"/>
        <site name="mark" pos="0 0 0.5" rgba="1 0 0 1"/><site name="ghost" rgba="1 0 0 0"/></body>
      <body name="ball" pos="0 0 5"><freejoint name="ball"/><geom size="0.1" mass="1"/></body>
    </worldbody></mujoco>
    """

  @Test func `an override changes one simulation and nothing else`() throws {
    var model: PhysicsModel? = try PhysicsModel(xml: Self.xml)
    let other = try Simulation(#require(model))
    let simulation = try Simulation(#require(model), allowsModelOverrides: true)
    let (shelf, mark) = (
      try #require(model).index(of: .body, named: "shelf"), try #require(model).index(of: .site, named: "mark")
    )
    model = nil
    let before = other.modelFields
    #expect(simulation.modelFields == before)
    try simulation.place(body: shelf, at: PhysicsModel.Pose(position: SIMD3(0, 2, 3), quaternion: SIMD4(0, 0, 0, 1)))
    try simulation.setSiteOpacity(-simulation.siteOpacity(mark), of: mark)
    #expect(other.modelFields == before)
    let changed = zip(simulation.modelFields, before).filter { $0 != $1 }.map(\.0.name)
    #expect(Set(changed) == ["body_pos", "body_quat", "site_rgba"])
    try simulation.forward()
    let place = simulation.bodyPosition(shelf)
    #expect((place.x, place.y, place.z) == (0, 2, 3))
  }

  @Test func `overrides must be allowed`() throws {
    let simulation = try Simulation(PhysicsModel(xml: Self.xml))
    let pose = PhysicsModel.Pose(position: .zero, quaternion: SIMD4(1, 0, 0, 0))
    #expect(throws: Failure.self) { try simulation.place(body: 1, at: pose) }
    #expect(throws: Failure.self) { try simulation.setSiteOpacity(0, of: 0) }
  }

  @Test func `a model lists its fields with their bytes`() throws {
    let fields = try Simulation(PhysicsModel(xml: Self.xml)).modelFields
    #expect(Set(fields.map(\.name)).count == fields.count)
    let timestep = fields.first { $0.name == "opt.timestep" }
    #expect(timestep?.kind == .doubles && timestep?.bytes.count == 8)
    #expect(fields.first { $0.name == "body_pos" }?.bytes.count == 3 * 3 * 8)
    #expect(fields.first { $0.name == "geom_rgba" }?.kind == .floats)
  }
}
