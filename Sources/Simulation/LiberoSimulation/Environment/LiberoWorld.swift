import Failures
import Foundation
import MuJoCoPhysics

/// A task made ready to run: one compiled model, shared by any number of environments on any threads.
public final class LiberoWorld: Sendable {
  /// The task.
  public let task: LiberoTask
  /// What stands in its scene.
  public let scene: LiberoScene
  /// The scene's compiled model, with fixtures where the files have them.
  public let model: PhysicsModel
  /// Its initial states.
  public let initialStates: InitialStates
  /// What draws the scene, for all environments together.
  let renderers: RendererPool

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
    renderers = RendererPool(model)
  }
}
