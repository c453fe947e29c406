import CMuJoCo
import EngineLoading
import Failures

/// A compiled MuJoCo model: bodies, joints, actuators and cameras.
///
/// It is immutable, and MuJoCo only reads it, so simulations on any threads can share it.
public final class PhysicsModel: @unchecked Sendable {
  /// The kinds of named elements.
  public enum Element: String, Sendable {
    /// The kinds by MuJoCo's names.
    case body, joint, geom, site, camera, actuator

    var code: Int32 {
      let type: mjtObj =
        switch self {
        case .body: mjOBJ_BODY
        case .joint: mjOBJ_JOINT
        case .geom: mjOBJ_GEOM
        case .site: mjOBJ_SITE
        case .camera: mjOBJ_CAMERA
        case .actuator: mjOBJ_ACTUATOR
        }
      return Int32(type.rawValue)
    }
  }

  let engine: PhysicsEngine
  let pointer: UnsafeMutablePointer<mjModel>

  /// Compiles an MJCF document; an invalid document is an error with MuJoCo's message.
  public init(xml: String) throws {
    let engine = try PhysicsEngine.shared()
    let (problem, parsed) = CText.filled(capacity: 1024) { engine.functions.mj_parseXMLString(xml, nil, $0, $1) }
    guard let specification = parsed else { throw Failure("MuJoCo cannot read the model: \(problem)") }
    defer {
      engine.functions.mj_deleteSpec(specification)
      wm_mujoco_return_memory()
    }
    guard let compiled = engine.functions.mj_compile(specification, nil) else {
      let reason = CText.message(engine.functions.mjs_getError(specification))
      // A second line names the element.
      throw Failure("MuJoCo cannot compile the model: \(reason.split(separator: "\n").joined(separator: ", "))")
    }
    self.engine = engine
    pointer = compiled
  }

  deinit { engine.functions.mj_deleteModel(pointer) }

  /// Seconds of one physics step.
  public var timestep: Double { pointer.pointee.opt.timestep }
  /// The number of generalized positions.
  public var positionCount: Int { Int(pointer.pointee.nq) }
  /// The number of generalized velocities.
  public var velocityCount: Int { Int(pointer.pointee.nv) }
  public var actuatorCount: Int { Int(pointer.pointee.nu) }

  /// The index of a named element; an unknown name is an error that lists the known ones.
  public func index(of element: Element, named name: String) throws -> Int {
    let found = engine.functions.mj_name2id(pointer, element.code, name)
    guard found >= 0 else {
      let known = names(of: element).joined(separator: ", ")
      throw Failure(
        "the model has no \(element.rawValue) named '\(name)'; it has \(known.isEmpty ? "none with a name" : known)")
    }
    return Int(found)
  }

  /// The names of all elements of a kind that have one, in the model's order.
  public func names(of element: Element) -> [String] {
    (0..<count(of: element)).compactMap { index in
      engine.functions.mj_id2name(pointer, element.code, Int32(index)).map { String(cString: $0) }
    }.filter { !$0.isEmpty }
  }

  /// Where a named joint's values begin among the generalized positions and velocities.
  public func addresses(ofJoint name: String) throws -> (position: Int, velocity: Int) {
    let joint = try index(of: .joint, named: name)
    return (Int(pointer.pointee.jnt_qposadr[joint]), Int(pointer.pointee.jnt_dofadr[joint]))
  }

  private func count(of element: Element) -> Int {
    let model = pointer.pointee
    let count: Int32 =
      switch element {
      case .body: model.nbody
      case .joint: model.njnt
      case .geom: model.ngeom
      case .site: model.nsite
      case .camera: model.ncam
      case .actuator: model.nu
      }
    return Int(count)
  }
}
