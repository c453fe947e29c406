import MuJoCoPhysics

/// The indices of the finger, the blocks and the cameras in the model.
struct ShapesHandles {
  let actuators: [Int]
  let cameras: [String: Int]
  private let fingerAxes: [(position: Int, velocity: Int)]
  private let blockJoints: [Int]
  private let fingerGeom: Int
  private let blockGeoms: [Int]

  init(_ model: PhysicsModel, blockCount: Int) throws {
    var actuators: [Int] = []
    var axes: [(position: Int, velocity: Int)] = []
    for axis in ["finger_x", "finger_y"] {
      actuators.append(try model.index(of: .actuator, named: axis))
      axes.append(try model.addresses(ofJoint: axis))
    }
    var cameras: [String: Int] = [:]
    for camera in ["image", "image2"] { cameras[camera] = try model.index(of: .camera, named: camera) }
    var joints: [Int] = []
    var geoms: [Int] = []
    for block in 0..<blockCount {
      joints.append(try model.addresses(ofJoint: "block\(block)").position)
      geoms.append(try model.index(of: .geom, named: "block\(block)"))
    }
    fingerGeom = try model.index(of: .geom, named: "finger")
    (self.actuators, self.cameras, fingerAxes, blockJoints, blockGeoms) = (actuators, cameras, axes, joints, geoms)
  }

  /// The finger's position on the table, meters.
  func finger(in simulation: Simulation) -> SIMD2<Double> {
    SIMD2(simulation.position(at: fingerAxes[0].position), simulation.position(at: fingerAxes[1].position))
  }

  /// A block's position on the table, meters.
  func block(_ index: Int, in simulation: Simulation) -> SIMD2<Double> {
    SIMD2(simulation.position(at: blockJoints[index]), simulation.position(at: blockJoints[index] + 1))
  }

  /// Whether the finger touches a block now.
  func fingerTouches(_ block: Int, in simulation: Simulation) -> Bool {
    simulation.touches(geom: fingerGeom, geom: blockGeoms[block])
  }

  /// Sets the positions of finger and blocks in a simulation just reset.
  func place(finger: SIMD2<Double>, blocks: [SIMD2<Double>], in simulation: Simulation) {
    for axis in 0..<2 { simulation.setPosition(finger[axis], at: fingerAxes[axis].position) }
    for (joint, position) in zip(blockJoints, blocks) {
      for axis in 0..<2 { simulation.setPosition(position[axis], at: joint + axis) }
    }
  }
}
