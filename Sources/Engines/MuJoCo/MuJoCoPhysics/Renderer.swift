import CMuJoCo
import Failures

/// Renders a model's cameras; used by one thread at a time, which may change.
public final class Renderer {
  /// The image's width, in pixels.
  public let width: Int
  /// The image's height, in pixels.
  public let height: Int
  private let model: PhysicsModel
  private let context: GraphicsContext
  private let pointer: UnsafeMutablePointer<wm_mujoco_renderer>
  private var bottomUp: [UInt8]

  /// Creates a renderer for a model.
  ///
  /// - Parameters:
  ///   - width: at most the model's `visual/global/offwidth`.
  ///   - height: at most the model's `visual/global/offheight`.
  ///   - hiddenGeomGroups: groups of geoms, 0…5, that are not drawn.
  ///   - backend: the library to draw with; nil selects `MUJOCO_GL`, or if it is unset a graphics card if available,
  ///     otherwise software.
  public init(
    _ model: PhysicsModel, width: Int, height: Int, hiddenGeomGroups: Set<Int> = [], backend: GraphicsBackend? = nil
  ) throws {
    self.model = model
    self.width = width
    self.height = height
    let context = try GraphicsContext(width: width, height: height, backend: backend)
    self.context = context
    bottomUp = [UInt8](repeating: 0, count: width * height * 3)
    pointer = try context.whileCurrent {
      var functions = model.engine.functions
      var message = wm_mujoco_message()
      guard
        let made = wm_mujoco_make_renderer(&functions, model.pointer, Int32(width), Int32(height), &message)
      else { throw Failure("MuJoCo cannot draw this model: \(message.string)") }
      return made
    }
    withUnsafeMutableBytes(of: &pointer.pointee.option.geomgroup) { shown in
      for group in hiddenGeomGroups where shown.indices.contains(group) { shown[group] = 0 }
    }
  }

  deinit {
    // Without its context nothing can be freed; destroying the context then frees the library's resources.
    try? context.whileCurrent {
      var functions = model.engine.functions
      wm_mujoco_free_renderer(&functions, pointer)
    }
  }

  /// Draws one camera: RGB, `height` × `width` × 3 bytes, top row first.
  ///
  /// - Parameters:
  ///   - mirrored: whether left and right are exchanged.
  ///   - camera: from ``PhysicsModel/index(of:named:)``.
  ///   - simulation: a simulation of this renderer's model, with poses computed.
  public func draw(camera: Int, of simulation: Simulation, mirrored: Bool = false) throws -> [UInt8] {
    guard simulation.model === model else {
      throw Failure("a renderer draws only simulations of the model it was made for")
    }
    guard camera >= 0, camera < Int(model.pointer.pointee.ncam) else {
      throw Failure("the model has no camera \(camera); it has \(model.pointer.pointee.ncam)")
    }
    try context.whileCurrent {
      var functions = model.engine.functions
      var message = wm_mujoco_message()
      let drawn = wm_mujoco_draw(
        &functions, pointer, simulation.modelPointer, simulation.pointer, Int32(camera), Int32(width), Int32(height),
        &bottomUp, &message)
      guard drawn != 0 else { throw Failure("MuJoCo could not draw: \(message.string)") }
    }
    return [UInt8](unsafeUninitializedCapacity: bottomUp.count) { upright, count in
      count = bottomUp.count
      if mirrored {
        // Rows and columns reversed: the pixels in reverse order.
        for start in stride(from: 0, to: count, by: 3) {
          let source = count - 3 - start
          for channel in 0..<3 { upright.initializeElement(at: start + channel, to: bottomUp[source + channel]) }
        }
        return
      }
      let row = width * 3
      for y in 0..<height {
        let source = bottomUp[((height - 1 - y) * row)..<((height - y) * row)]
        _ = upright[(y * row)..<((y + 1) * row)].initialize(fromContentsOf: source)
      }
    }
  }
}
