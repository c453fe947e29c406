import CMuJoCo
import Failures

/// The changing state of a model, used by one thread at a time.
///
/// A call that leads to NaN or infinity throws; `reset` makes the simulation usable again.
public final class Simulation {
  public let model: PhysicsModel
  let pointer: UnsafeMutablePointer<mjData>
  /// The parts of the model that this simulation may change for itself.
  let overlay: ModelOverlay?
  private var functions: wm_mujoco_api { model.engine.functions }
  /// The model with this simulation's overrides.
  var modelPointer: UnsafeMutablePointer<mjModel> { overlay?.pointer ?? model.pointer }

  /// Creates a simulation in the model's initial state, with poses computed.
  ///
  /// - Parameters:
  ///   - allowsModelOverrides: whether it may move bodies that have no joint and show or hide sites, for itself alone.
  ///   - readsSensors: whether sensors are computed; only applies with `allowsModelOverrides`.
  ///   - arenaBytes: memory for contacts and constraints, in bytes, with `allowsModelOverrides`; nil takes the model's.
  public init(
    _ model: PhysicsModel, allowsModelOverrides: Bool = false, readsSensors: Bool = true, arenaBytes: Int? = nil
  ) throws {
    self.model = model
    overlay = allowsModelOverrides ? ModelOverlay(of: model, readsSensors: readsSensors, arenaBytes: arenaBytes) : nil
    let used = overlay?.pointer ?? model.pointer
    var made: UnsafeMutablePointer<mjData>?
    try Self.guarded(model, "start a simulation") { wm_mujoco_make_data(&$0, used, &made, &$1) }
    guard let made else { throw Failure("MuJoCo has no memory for a simulation of this model") }
    pointer = made
    try forward()
  }

  deinit { functions.mj_deleteData(pointer) }

  /// Returns to the model's initial state, time 0, no controls, and no warnings.
  public func reset() throws {
    try guarded("reset the simulation") { wm_mujoco_reset(&$0, modelPointer, pointer, &$1) }
  }

  /// Computes what follows from positions, velocities and controls (poses, contacts, accelerations); time does not advance.
  public func forward() throws {
    try guarded("compute the state") { wm_mujoco_forward(&$0, modelPointer, pointer, &$1) }
    try throwWarnings()
  }

  /// Advances time by `count` physics steps of `model.timestep` seconds.
  public func step(count: Int = 1) throws {
    try guarded("advance the simulation") { wm_mujoco_step(&$0, modelPointer, pointer, Int32(count), &$1) }
    try throwWarnings()
  }

  /// Seconds since the last reset.
  public var time: Double { pointer.pointee.time }

  /// A generalized position; `index` as ``PhysicsModel/addresses(ofJoint:)`` returns it.
  public func position(at index: Int) -> Double {
    precondition(index >= 0 && index < model.positionCount)
    return pointer.pointee.qpos[index]
  }

  /// A generalized velocity; `index` as ``PhysicsModel/addresses(ofJoint:)`` returns it.
  public func velocity(at index: Int) -> Double {
    precondition(index >= 0 && index < model.velocityCount)
    return pointer.pointee.qvel[index]
  }

  /// Sets a generalized position; call `forward()` before reading poses.
  public func setPosition(_ value: Double, at index: Int) {
    precondition(index >= 0 && index < model.positionCount)
    pointer.pointee.qpos[index] = value
  }

  public func setVelocity(_ value: Double, at index: Int) {
    precondition(index >= 0 && index < model.velocityCount)
    pointer.pointee.qvel[index] = value
  }

  public func setControl(_ value: Double, at index: Int) {
    precondition(index >= 0 && index < model.actuatorCount)
    pointer.pointee.ctrl[index] = value
  }

  /// The world position of a body's frame, meters.
  public func bodyPosition(_ index: Int) -> SIMD3<Double> {
    precondition(index >= 0 && index < Int(model.pointer.pointee.nbody))
    return vector(pointer.pointee.xpos, index)
  }

  /// Whether two geoms touch, as the last step or `forward()` found.
  public func touches(geom first: Int, geom second: Int) -> Bool {
    let state = pointer.pointee
    guard let contacts = state.contact else { return false }
    return UnsafeBufferPointer(start: contacts, count: Int(state.ncon)).contains { contact in
      contact.dist <= 0
        && (contact.geom == (Int32(first), Int32(second)) || contact.geom == (Int32(second), Int32(first)))
    }
  }

  func vector(_ values: UnsafeMutablePointer<Double>, _ index: Int) -> SIMD3<Double> {
    SIMD3(values[3 * index], values[3 * index + 1], values[3 * index + 2])
  }

  func guarded(
    _ purpose: String, _ call: (inout wm_mujoco_api, inout wm_mujoco_message) -> Int32
  ) throws { try Self.guarded(model, purpose, call) }

  private static func guarded(
    _ model: PhysicsModel, _ purpose: String, _ call: (inout wm_mujoco_api, inout wm_mujoco_message) -> Int32
  ) throws {
    var functions = model.engine.functions
    var message = wm_mujoco_message()
    guard call(&functions, &message) != 0 else {
      throw Failure("MuJoCo could not \(purpose): \(message.string)")
    }
  }

  func throwWarnings() throws {
    var information: Int32 = 0
    let found = wm_mujoco_first_warning(pointer, &information)
    guard found >= 0 else { return }
    let kind = mjtWarning(UInt32(found))
    let reason =
      switch kind {
      case mjWARN_BADQPOS: "position \(information) became infinite or not a number"
      case mjWARN_BADQVEL: "velocity \(information) became infinite or not a number"
      case mjWARN_BADQACC: "acceleration \(information) became infinite, huge or not a number"
      case mjWARN_BADCTRL: "control \(information) is infinite, huge or not a number"
      case mjWARN_CONTACTFULL, mjWARN_CNSTRFULL: "the contacts exceed the model's memory"
      case mjWARN_INERTIA: "the inertia of degree of freedom \(information) is close to zero"
      default: "MuJoCo warned (kind \(found), about \(information))"
      }
    throw Failure("the simulation failed at \(time) s: \(reason)")
  }
}
