import Failures
import Foundation
import MuJoCoPhysics
import Synchronization

/// Renderers that all environments of a task share: at most as many as there are processors, and as there are environments.
///
/// A renderer holds a copy of the scene's textures and meshes, 155 MB for libero_spatial, so one for each environment
/// would be most of a program's memory; and no more than the processors can draw at once.
final class RendererPool: Sendable {
  /// What a renderer must be to serve an environment.
  struct Kind: Hashable, Sendable {
    let width: Int
    let height: Int
    let backend: GraphicsBackend?
  }

  private struct Idle: @unchecked Sendable {
    // A renderer in the pool belongs to nobody, and whoever takes it out has it alone.
    var renderers: [Kind: [Renderer]] = [:]
    var environments = 0

    /// Keeps no more than one for each environment.
    mutating func dropSurplus() {
      for (kind, renderers) in renderers { self.renderers[kind] = Array(renderers.prefix(environments)) }
    }
  }

  private let model: PhysicsModel
  private let idle = Mutex(Idle())
  private let permits: DispatchSemaphore

  /// Makes an empty pool; renderers come into being as they are asked for.
  init(_ model: PhysicsModel, count: Int = ProcessInfo.processInfo.activeProcessorCount) {
    self.model = model
    permits = DispatchSemaphore(value: max(1, count))
  }

  /// One more environment draws with these.
  func join() { idle.withLock { $0.environments += 1 } }

  /// One environment less: when a task's last ones are played, the next task's need the memory.
  func leave() {
    idle.withLock {
      $0.environments -= 1
      $0.dropSurplus()
    }
  }

  /// Runs `body` with a renderer for itself, waiting for one where all are in use.
  func withRenderer<Value>(
    _ kind: Kind, _ body: (Renderer) throws -> Value
  ) throws -> Value {
    permits.wait()
    defer { permits.signal() }
    let renderer = try take(kind)
    defer { idle.withLock { $0.renderers[kind, default: []].append(renderer) } }
    return try body(renderer)
  }

  private func take(_ kind: Kind) throws -> Renderer {
    if let renderer = idle.withLock({ $0.renderers[kind]?.popLast() }) { return renderer }
    // Group 0 is what collides; robosuite draws only what is meant to be seen.
    return try Renderer(
      model, width: kind.width, height: kind.height, hiddenGeomGroups: [0], backend: kind.backend)
  }
}
