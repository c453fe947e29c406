import MuJoCo
import Testing

struct `a model with bodies placed elsewhere` {
  private static let xml = """
    <mujoco><worldbody>
      <body name="shelf" pos="1 0 0"><geom size="0.1"/>
        <site name="mark" pos="0 0 0.5" rgba="1 0 0 1"/><site name="ghost" rgba="1 0 0 0"/></body>
      <body name="ball" pos="0 0 5"><freejoint name="ball"/><geom size="0.1" mass="1"/></body>
    </worldbody></mujoco>
    """

  @Test func `differs in those alone, and outlives the name of its origin`() throws {
    var origin: Model? = try Model(xml: Self.xml)
    let before = try #require(origin?.fields)
    let pose = Model.Pose(position: SIMD3(0, 2, 3), quaternion: SIMD4(0, 0, 0, 1))
    let variant = try #require(try origin?.placing(["shelf": pose], hiddenSites: ["mark", "ghost"]))
    #expect(origin?.fields == before)
    origin = nil
    let changed = zip(variant.fields, before).filter { $0 != $1 }.map(\.0.name)
    #expect(Set(changed) == ["body_pos", "body_quat", "site_rgba"])
    let simulation = try Simulation(variant)
    try simulation.forward()
    let shelf = simulation.bodyPosition(try variant.index(of: .body, named: "shelf"))
    #expect((shelf.x, shelf.y, shelf.z) == (0, 2, 3))
  }

  @Test func `refuses names that the model lacks`() throws {
    let model = try Model(xml: Self.xml)
    let pose = Model.Pose(position: .zero, quaternion: SIMD4(1, 0, 0, 0))
    #expect(throws: SimulationError.self) { try model.placing(["table": pose]) }
    #expect(throws: SimulationError.self) { try model.placing([:], hiddenSites: ["nowhere"]) }
  }

  @Test func `lists its fields with their bytes`() throws {
    let fields = try Model(xml: Self.xml).fields
    #expect(Set(fields.map(\.name)).count == fields.count)
    let timestep = fields.first { $0.name == "opt.timestep" }
    #expect(timestep?.kind == .doubles && timestep?.bytes.count == 8)
    #expect(fields.first { $0.name == "body_pos" }?.bytes.count == 3 * 3 * 8)
    #expect(fields.first { $0.name == "geom_rgba" }?.kind == .floats)
  }
}
