import Failures
import Foundation

/// The Panda arm with its gripper and its mount, named and placed as robosuite 1.4.0 does.
struct RobotModel: Sendable {
  /// The robot's base.
  enum Mount: String, Sendable {
    case rethink = "rethink_mount"
    case none = "null_mount"

    /// From the mount's root to the surface that carries the arm, meters.
    var top: SIMD3<Double> {
      switch self {
      case .rethink: SIMD3(0, 0, -0.01)
      case .none: .zero
      }
    }
  }

  let model: MJCFModel
  /// Names of the sites of arm and gripper.
  let sites: [String]

  /// Reads the arm, its gripper and a mount, and places the robot's base at `base` (meters, world).
  init(assets: URL, mount kind: Mount, base: SIMD3<Double>) throws {
    var mount = try Part(assets.appendingPathComponent("mounts/\(kind.rawValue).xml"), "mount0_", color: "0.5 0.5 0 1")
    let gripper = try Part(assets.appendingPathComponent("grippers/panda_gripper.xml"), "gripper0_", color: "0 0 0.5 1")
    var arm = try Part(assets.appendingPathComponent("robots/panda/robot.xml"), "robot0_", color: "0 0.5 0 1")
    arm.setJoints()
    let armOffset = arm.offset
    let bottom = (mount.offset - kind.top) + armOffset
    mount.place(armOffset - kind.top)
    arm.model.merge(mount.model, into: arm.root)
    arm.model.merge(gripper.model, into: "robot0_right_hand")
    arm.place(base - bottom)
    model = arm.model
    sites = arm.sites + gripper.sites
  }

  /// Arm, gripper or mount: a file with one outermost body.
  private struct Part {
    var model: MJCFModel
    let root: String
    /// The outermost body's position in its file.
    let offset: SIMD3<Double>
    /// The names of its own sites.
    let sites: [String]

    init(_ file: URL, _ prefix: String, color: String) throws {
      model = try MJCFModel(contentsOf: file)
      Self.nameGeoms(&model)
      model.addPrefix(prefix)
      model.recolorCollisionGeoms(color)
      let bodies = model.section("worldbody").children.filter { $0.name == "body" }
      guard bodies.count == 1, let body = bodies.first, let name = body["name"] else {
        throw Failure("\(file.path) should have one outermost body with a name, and has \(bodies.count)")
      }
      guard let position = numbers(body["pos"] ?? "0 0 0"), position.count == 3 else {
        throw Failure("\(file.path): the position of body \(name) should be three numbers")
      }
      var sites: [String] = []
      body.forEach { if $0.name == "site", let name = $0["name"] { sites.append(name) } }
      self.sites = sites
      root = name
      offset = SIMD3(position[0], position[1], position[2])
    }

    /// Names geoms without a name by counting them: `g0_col` for those that collide, `g0_vis` for those that are seen.
    private static func nameGeoms(_ model: inout MJCFModel) {
      var counts: [String: Int] = [:]
      model.update { element in
        guard element.name == "geom", element["name"] == nil else { return }
        let kind = element["group"] == "1" ? "vis" : "col"
        element["name"] = "g\(counts[kind, default: 0])_\(kind)"
        counts[kind, default: 0] += 1
      }
    }

    mutating func place(_ position: SIMD3<Double>) {
      model.update("worldbody") { world in
        world.updateFirst("body", named: root) { $0["pos"] = attribute([position.x, position.y, position.z]) }
      }
    }

    /// Sets friction and armature where the file does not, and damping always.
    mutating func setJoints() {
      let damping = [0.1, 0.1, 0.1, 0.1, 0.1, 0.01, 0.01]
      var index = 0
      model.update("worldbody") { world in
        world.update { element in
          guard element.name == "joint" else { return }
          if element["frictionloss"] == nil { element["frictionloss"] = "0.1" }
          if element["armature"] == nil { element["armature"] = attribute([5 / Double(index + 1)]) }
          if damping.indices.contains(index) { element["damping"] = attribute([damping[index]]) }
          index += 1
        }
      }
    }
  }
}
