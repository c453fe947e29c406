import CMuJoCo

/// A copy of the shared model's header with its own arrays for what one simulation may change.
///
/// MuJoCo allows changes to body poses and colors between steps, but stores them in the model; without this, another
/// placement of a fixture would require compiling meshes and textures again.
final class ModelOverlay {
  let pointer: UnsafeMutablePointer<mjModel>
  private let original: PhysicsModel
  private let bodyPositions: UnsafeMutableBufferPointer<Double>
  private let bodyQuaternions: UnsafeMutableBufferPointer<Double>
  private let siteColors: UnsafeMutableBufferPointer<Float>

  init(of model: PhysicsModel, readsSensors: Bool, arenaBytes: Int?) {
    original = model
    var overlaid = model.pointer.pointee
    bodyPositions = Self.copy(overlaid.body_pos, 3 * Int(overlaid.nbody))
    bodyQuaternions = Self.copy(overlaid.body_quat, 4 * Int(overlaid.nbody))
    siteColors = Self.copy(overlaid.site_rgba, 4 * Int(overlaid.nsite))
    overlaid.body_pos = bodyPositions.baseAddress
    overlaid.body_quat = bodyQuaternions.baseAddress
    overlaid.site_rgba = siteColors.baseAddress
    if !readsSensors { overlaid.opt.disableflags |= Int32(mjDSBL_SENSOR.rawValue) }
    if let arenaBytes { overlaid.narena = numericCast(max(0, arenaBytes)) }
    pointer = .allocate(capacity: 1)
    pointer.initialize(to: overlaid)
  }

  deinit {
    pointer.deallocate()
    bodyPositions.deallocate()
    bodyQuaternions.deallocate()
    siteColors.deallocate()
  }

  private static func copy<Value>(
    _ values: UnsafeMutablePointer<Value>?, _ count: Int
  ) -> UnsafeMutableBufferPointer<Value> {
    let copied = UnsafeMutableBufferPointer<Value>.allocate(capacity: count)
    if let values { _ = copied.initialize(fromContentsOf: UnsafeMutableBufferPointer(start: values, count: count)) }
    return copied
  }
}
