import CounterBasedRandom
import Failures
import MuJoCoPhysics
import RGBImages
import RobotEnvironments

/// One of LIBERO's worlds: the same physics, images and successes as the official stack's, step by step.
public final class LiberoEnvironment: Environment {
  /// What does nothing: the gripper stays open.
  static let idle: [Double] = [0, 0, 0, 0, 0, 0, -1]
  /// Control steps of doing nothing before an episode begins, so that things come to rest.
  public static let settlingSteps = 10
  /// Pixels of an image's side.
  public static let imageSize = 256

  /// What it shows and takes.
  public let specification: EnvironmentSpecification
  /// Called after every physics step, with the simulation; the settling ones too.
  var onSubstep: ((Simulation) -> Void)?

  let motion: RobotMotion
  let world: LiberoWorld
  private let goal: Goal
  private let visibility: SiteVisibility
  private let mode: ControlMode
  private let backend: GraphicsBackend?
  /// The episode as its scripted expert sees it: control steps taken, the numbers of its noise, and how far it is.
  private(set) var stepsTaken = 0
  private(set) var episodeRandom = CountedRandom(seed: 0, "LIBERO's expert")
  var demonstration: Demonstration?
  /// Whether burners glow now, and whether they did when the cameras looked.
  private var glowing: [Bool] = []
  private var glowingWhenSeen: [Bool] = []

  /// Makes an environment; its first `reset` gives it a state.
  ///
  /// - Parameters:
  ///   - mode: how actions are meant once an episode has begun.
  ///   - backend: the library to draw with; nil takes what `MUJOCO_GL` asks for, or chooses by itself.
  ///   - specification: another size of images or number of steps than LeRobot's; nil for those.
  public init(
    _ world: LiberoWorld, mode: ControlMode = .relative, backend: GraphicsBackend? = nil,
    specification: EnvironmentSpecification? = nil
  ) throws {
    self.world = world
    self.mode = mode
    self.backend = backend
    self.specification = specification ?? Self.specification(maximumSteps: world.task.suite.maximumSteps)
    let motion = try RobotMotion(world.model)
    self.motion = motion
    goal = try Goal(world.scene.problem.goal, of: world.scene, in: world.model)
    visibility = try SiteVisibility(world.scene, in: motion.simulation)
    world.renderers.setMaximumIdle { $0 + 1 }
  }

  deinit { world.renderers.setMaximumIdle { $0 - 1 } }

  /// What every environment of LIBERO shows and takes.
  public static func specification(
    maximumSteps: Int, width: Int = imageSize, height: Int = imageSize
  ) -> EnvironmentSpecification {
    EnvironmentSpecification(
      cameras: RobotHandles.cameraNames.map { CameraSpecification(name: $0.0, width: width, height: height) },
      stateNames: RobotReadings.policyStateNames,
      actionNames: ["x", "y", "z", "axis_angle1", "axis_angle2", "axis_angle3", "gripper"],
      framesPerSecond: 20, maximumSteps: maximumSteps,
      // What the published datasets of LIBERO state, whose rows are control steps all the same.
      datasetFramesPerSecond: 10)
  }

  /// What a policy is told.
  public var instruction: String { world.task.language }
  /// Another goal of the same scene is not known.
  public var contraryInstruction: String? { nil }
  /// What the robot's sensors said last.
  public var readings: RobotReadings { motion.sensed }
  /// Positions, velocities and the number of contacts as they stand.
  var simulation: Simulation { motion.simulation }

  /// Begins at initial state `episode` modulo their number, with fixtures placed by seed + episode.
  public func reset(seed: Int, episode: Int) throws {
    guard episode >= 0 else { throw Failure("episodes count from 0, and \(episode) was asked for") }
    try reset(placementSeed: seed &+ episode, initialState: episode)
    episodeRandom = CountedRandom(seed: seed, "LIBERO's expert").at(world.task.name).at(episode)
  }

  /// Begins at an initial state (modulo their number), with fixtures placed by a seed.
  func reset(placementSeed: Int, initialState: Int) throws {
    guard let numpySeed = UInt32(exactly: placementSeed) else {
      throw Failure("NumPy's generator takes seeds of 0 to 4294967295, and \(placementSeed) was asked for")
    }
    let state = try world.initialStates.state(
      episode: initialState, positions: world.model.positionCount, velocities: world.model.velocityCount)
    let poses = try world.scene.fixturePoses(seed: numpySeed)
    (stepsTaken, demonstration) = (0, nil)
    do {
      try motion.reset(to: state) { simulation throws in
        try world.scene.place(poses, in: simulation)
      }
      glowing = visibility.glowing(in: simulation)
      for _ in 0..<Self.settlingSteps { try advance(Self.idle) }
      motion.mode = mode
    }
  }

  /// Carries out one action: a change of pose (or, in absolute mode, a pose), and the gripper's direction.
  public func step(_ action: [Float]) throws -> StepResult {
    try step(exactly: action.map(Double.init))
  }

  /// Carries out one action in double precision, as the official stack does with double-precision actions.
  public func step(exactly action: [Double]) throws -> StepResult {
    guard action.count == Self.idle.count else {
      throw Failure("LIBERO takes actions of \(Self.idle.count) numbers, and got \(action.count)")
    }
    guard action.allSatisfy(\.isFinite) else {
      throw Failure("LIBERO takes finite actions, and got \(action)")
    }
    try advance(action)
    stepsTaken += 1
    let success = goal.isReached(in: simulation)
    return StepResult(reward: success ? 1 : 0, terminated: success, success: success)
  }

  private func advance(_ action: [Double]) throws {
    glowingWhenSeen = glowing
    try motion.step(action) { simulation throws in onSubstep?(simulation) }
    glowing = visibility.glowing(in: simulation)
  }

  /// What a policy sees: images upright and mirrored, as LeRobot turns them.
  public func observe(cameras: Set<String>) throws -> Observation {
    Observation(
      images: try render(cameras: cameras, mirrored: true), state: readings.policyState, instruction: instruction)
  }

  /// What cameras saw when the sensors were read, upright.
  func render(cameras: Set<String>, mirrored: Bool = false) throws -> [String: RGBImage] {
    guard !cameras.isEmpty else { return [:] }
    for name in cameras where motion.robot.cameras[name] == nil {
      throw Failure(
        "LIBERO has no camera '\(name)'; it has \(specification.cameras.map(\.name).joined(separator: ", "))")
    }
    let (width, height) = imageSize
    try visibility.apply(to: simulation, glowing: glowingWhenSeen)
    return try simulation.withPoses(at: readings.posedPositions, present: motion.posedPositions) {
      try world.withRenderer(RendererKind(width: width, height: height, backend: backend)) { renderer in
        var images: [String: RGBImage] = [:]
        for name in cameras {
          guard let camera = motion.robot.cameras[name] else { continue }
          let pixels = try renderer.draw(camera: camera, of: simulation, mirrored: mirrored)
          images[name] = try RGBImage(width: width, height: height, pixels: pixels)
        }
        return images
      }
    }
  }

  private var imageSize: (width: Int, height: Int) {
    specification.cameras.first.map { ($0.width, $0.height) } ?? (Self.imageSize, Self.imageSize)
  }
}
