import Failures
import Foundation
import MuJoCoPhysics
import WorkerThreads

/// A task ready to run: one compiled model, shared by any number of environments on any threads.
public final class LiberoWorld: Sendable {
  public let task: LiberoTask
  /// Its objects, fixtures and regions.
  public let scene: LiberoScene
  /// The scene's compiled model, with fixtures where the files place them.
  public let model: PhysicsModel
  public let initialStates: InitialStates
  /// The renderers of the scene, shared by all environments: at most as many as there are processors in use, and no more
  /// idle ones than there are environments.
  ///
  /// A renderer holds a copy of the scene's textures and meshes, 155 MB for libero_spatial, so one for each environment
  /// would be most of a program's memory.
  let renderers = ResourcePool<RendererKind, Renderer>(
    maximumIdle: 0, maximumInUse: ProcessInfo.processInfo.activeProcessorCount)

  /// Assembles and compiles a task's scene and reads its initial states.
  ///
  /// - Parameters:
  ///   - task: the task.
  ///   - assets: LIBERO's folder of scene assets.
  public init(_ task: LiberoTask, assets: URL) throws {
    self.task = task
    initialStates = try InitialStates(contentsOf: task.initialStatesFile)
    let scene = try LiberoScene(task, assets: assets)
    self.scene = scene
    do {
      model = try PhysicsModel(xml: scene.xml)
    } catch {
      throw Failure("\(task.suite.rawValue) task \(task.index), \(task.name): \(error)")
    }
  }

  /// Draws a start in the task's own regions.
  func sampledStart(seed: UInt32) throws -> SampledStart {
    try scene.sampledStart(seed: seed) { site, joints throws in
      // A simulation of its own, because fixtures must stand where the model has them.
      let simulation = try Simulation(
        model, allowsModelOverrides: true, readsSensors: false, arenaBytes: RobotMotion.arenaBytes)
      try scene.setJoints(joints, in: simulation)
      let positions = simulation.positions
      let index = try model.index(of: .site, named: site)
      return try simulation.withPoses(at: positions, present: positions) { simulation.sitePosition(index) }
    }
  }

  /// Runs `body` with exclusive use of a renderer.
  func withRenderer<Value>(_ kind: RendererKind, _ body: (Renderer) throws -> Value) throws -> Value {
    try renderers.withResource(
      kind,
      make: {
        // Group 0 is for collisions; robosuite draws only visual geoms.
        try Renderer(model, width: kind.width, height: kind.height, hiddenGeomGroups: [0], backend: kind.backend)
      }, body)
  }
}

/// Environments with equal kinds can share a renderer.
struct RendererKind: Hashable, Sendable {
  let width: Int, height: Int
  let backend: GraphicsBackend?
}
