import Failures
import MuJoCoPhysics
import Testing

struct RenderingTests {
  /// A red box 0.2 m wide under a camera 1 m above it, beside a green ball 0.5 m to the right and 0.25 m up in the
  /// image, before a black background.
  static let scene = """
    <mujoco><visual><global offwidth="96" offheight="64"/><quality shadowsize="0" offsamples="0"/>
      <headlight ambient="1 1 1" diffuse="0 0 0" specular="0 0 0"/></visual>
      <worldbody><camera name="above" pos="0 0 1" fovy="90"/><camera name="below" pos="0 0 -1" xyaxes="1 0 0 0 -1 0"/>
      <geom type="box" size="0.1 0.1 0.001" rgba="1 0 0 1"/>
      <geom type="sphere" size="0.05" pos="0.5 0.25 0" rgba="0 1 0 1"/></worldbody></mujoco>
    """

  private func image(_ model: PhysicsModel) throws -> [UInt8] {
    let renderer = try Renderer(model, width: 96, height: 64)
    return try renderer.draw(camera: model.index(of: .camera, named: "above"), of: Simulation(model))
  }

  private func color(_ pixels: [UInt8], x: Int, y: Int) -> [UInt8] { Array(pixels[((y * 96 + x) * 3)...].prefix(3)) }

  @Test func `colors are at the positions of the pinhole projection, top row first`() throws {
    let pixels = try image(PhysicsModel(xml: Self.scene))
    #expect(pixels.count == 96 * 64 * 3)
    // 90° over 64 rows: 32 pixels per metre at a distance of 1 m, y downwards.
    #expect(color(pixels, x: 48, y: 32) == [255, 0, 0])
    #expect(color(pixels, x: 48 + 16, y: 32 - 8) == [0, 255, 0])
    #expect(color(pixels, x: 48 + 16, y: 32 + 8) == [0, 0, 0])
    #expect(color(pixels, x: 48 + 5, y: 32) == [0, 0, 0])
  }

  @Test func `repeated, new and concurrent renderers draw the same pixels`() async throws {
    let model = try PhysicsModel(xml: Self.scene)
    let first = try image(model)
    #expect(try image(model) == first)
    let others = try await withThrowingTaskGroup(of: [UInt8].self) { group in
      for _ in 0..<4 { group.addTask { try image(model) } }
      return try await group.reduce(into: []) { $0.append($1) }
    }
    #expect(others.allSatisfy { $0 == first })
  }

  @Test func `several renderers take turns on one thread`() throws {
    let model = try PhysicsModel(xml: Self.scene)
    let simulation = try Simulation(model)
    let first = try Renderer(model, width: 96, height: 64)
    let second = try Renderer(model, width: 96, height: 64)
    let above = try model.index(of: .camera, named: "above")
    let below = try model.index(of: .camera, named: "below")
    let expected = try first.draw(camera: above, of: simulation)
    #expect(try second.draw(camera: below, of: simulation) != expected)
    #expect(try first.draw(camera: above, of: simulation) == expected)
  }

  @Test func `a frame larger than the model's and an unknown camera are refused`() throws {
    let model = try PhysicsModel(xml: Self.scene)
    let error = #expect(throws: Failure.self) { try Renderer(model, width: 200, height: 64) }
    #expect(error?.description.contains("96 x 64 pixels, smaller than 200 x 64") == true)
    let renderer = try Renderer(model, width: 96, height: 64)
    #expect(throws: Failure.self) { try renderer.draw(camera: 2, of: Simulation(model)) }
    #expect(throws: Failure.self) { try renderer.draw(camera: 0, of: Simulation(PhysicsModel(xml: Self.scene))) }
  }

  @Test func `a process uses one graphics library, and another is an error`() throws {
    let model = try PhysicsModel(xml: Self.scene)
    _ = try image(model)
    var refusals: [String] = []
    for backend in GraphicsBackend.allCases {
      do {
        _ = try Renderer(model, width: 96, height: 64, backend: backend)
      } catch {
        refusals.append(message(of: error))
      }
    }
    #expect(refusals.count == 1)
    #expect(refusals.first?.hasPrefix("no OpenGL context for drawing: this process already uses ") == true)
    #expect(refusals.first?.contains("MUJOCO_GL=osmesa or MUJOCO_GL=egl") == true)
  }

  @Test func `MUJOCO_GL selects the backend`() throws {
    #expect(try GraphicsBackend.requested(in: [:]) == nil)
    #expect(try GraphicsBackend.requested(in: ["MUJOCO_GL": "egl"]) == .egl)
    #expect(try GraphicsBackend.requested(in: ["MUJOCO_GL": "OSMesa"]) == .osmesa)
    let error = #expect(throws: Failure.self) { try GraphicsBackend.requested(in: ["MUJOCO_GL": "glfw"]) }
    #expect(error?.description == "MUJOCO_GL is 'glfw'; set it to egl or osmesa, or leave it unset")
  }
}
