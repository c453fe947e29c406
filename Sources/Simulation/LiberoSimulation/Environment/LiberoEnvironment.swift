import CounterBasedRandom
import Failures
import MuJoCoPhysics
import RGBImages
import RobotEnvironments

/// One of LIBERO's worlds: the same physics, images and successes as the official stack's, step by step.
public final class LiberoEnvironment: Environment {
  /// The action that holds the pose with the gripper open.
  static let idleAction: [Double] = [0, 0, 0, 0, 0, 0, -1]
  /// Control steps with ``idleAction`` before an episode begins, in which objects come to rest.
  public static let settlingSteps = 10
  private static let maximumDraws = 20
  /// How far an object may tilt while it comes to rest, radians; bowls on ramekins tilt by 16 degrees.
  private static let maximumTilt = Double.pi / 6
  /// Width and height of an image, pixels.
  public static let imageSize = 256
  /// Control steps in a second, and physics steps.
  public static let framesPerSecond = 20
  private static let physicsRate = 500

  /// Its cameras, state, actions and timing.
  public let specification: EnvironmentSpecification
  /// Where the episode started, before objects came to rest.
  public private(set) var startState = StartState(positions: [])
  /// Called after every physics step, including those of settling.
  var onSubstep: ((Simulation) -> Void)?

  let motion: RobotMotion
  let world: LiberoWorld
  /// The movable objects' bodies.
  private let objectBodies: [Int]
  private let goal: Goal
  private let visibility: SiteVisibility
  private let initialStates: InitialStateSource
  private let mode: ControlMode
  private let backend: GraphicsBackend?
  /// What the model calls each camera of the specification.
  private let cameras: [String: Int]
  /// For the scripted expert: control steps taken, the random numbers of its noise, and its progress.
  private(set) var stepsTaken = 0
  private(set) var episodeRandom = CountedRandom(seed: 0, "LIBERO's expert")
  var demonstration: Demonstration?
  /// Whether each burner is on now, and whether it was when the sensors were read, of which images are drawn.
  private var burnersOn: [Bool] = []
  private var sensedBurnersOn: [Bool] = []

  /// Makes an environment; call `reset` before anything else.
  ///
  /// - Parameters:
  ///   - initialStates: where episodes start.
  ///   - mode: how actions are interpreted after settling.
  ///   - backend: the library to draw with; nil selects by `MUJOCO_GL`.
  ///   - specification: nil for LeRobot's image sizes and number of steps.
  public init(
    _ world: LiberoWorld, initialStates: InitialStateSource = .official, mode: ControlMode = .relative,
    backend: GraphicsBackend? = nil, specification: EnvironmentSpecification? = nil
  ) throws {
    self.world = world
    self.initialStates = initialStates
    self.mode = mode
    self.backend = backend
    let specification = specification ?? Self.specification(maximumSteps: world.task.suite.maximumSteps)
    self.specification = specification
    let motion = try RobotMotion(world.model, substeps: Self.physicsRate / specification.framesPerSecond)
    self.motion = motion
    // The specification's cameras are LIBERO's in their order, under any names.
    let own = RobotHandles.cameraNames.compactMap { motion.robot.cameras[$0.0] }
    cameras = Dictionary(zip(specification.cameras.map(\.name), own)) { first, _ in first }
    objectBodies = try world.scene.objects.filter { !$0.isFixture }.map { object throws in
      try world.model.index(of: .body, named: object.body)
    }
    goal = try Goal(world.scene.problem.goal, of: world.scene, in: world.model)
    visibility = try SiteVisibility(world.scene, in: motion.simulation)
    world.renderers.setMaximumIdle { $0 + 1 }
  }

  deinit { world.renderers.setMaximumIdle { $0 - 1 } }

  /// Whether a control step of a rate is a whole number of physics steps, between which the sensors are read.
  static func isControlRate(_ rate: Int) -> Bool { (1...100).contains(rate) && physicsRate % rate == 0 }

  /// The specification of every LIBERO environment.
  ///
  /// - Parameters:
  ///   - cameras: what the view of the scene and that of the hand are called; nil for LeRobot's names.
  ///   - framesPerSecond: control steps in a second; a divisor of 500 up to 100.
  public static func specification(
    maximumSteps: Int, width: Int = imageSize, height: Int = imageSize, cameras: [String]? = nil,
    framesPerSecond: Int = framesPerSecond
  ) -> EnvironmentSpecification {
    let names = cameras ?? RobotHandles.cameraNames.map(\.0)
    return EnvironmentSpecification(
      cameras: names.map { CameraSpecification(name: $0, width: width, height: height) },
      stateNames: RobotReadings.policyStateNames,
      actionNames: ["x", "y", "z", "axis_angle1", "axis_angle2", "axis_angle3", "gripper"],
      framesPerSecond: framesPerSecond, maximumSteps: maximumSteps,
      // As stated by the published datasets of LIBERO, although their rows are control steps.
      datasetFramesPerSecond: framesPerSecond == Self.framesPerSecond ? 10 : framesPerSecond)
  }

  /// The task's instruction.
  public var instruction: String { world.task.language }
  /// Nil: no other goal of the scene is known.
  public var contraryInstruction: String? { nil }
  /// The last values of the robot's sensors.
  public var readings: RobotReadings { motion.readings }
  var simulation: Simulation { motion.simulation }

  /// Starts at initial state `episode` modulo their number, with fixtures placed by seed + episode; or where everything
  /// is placed by seed, task and episode, if initial states are sampled.
  public func reset(seed: Int, episode: Int) throws {
    guard episode >= 0 else { throw Failure("episodes count from 0, and \(episode) was requested") }
    switch initialStates {
    case .official: try reset(placementSeed: seed &+ episode, initialState: episode)
    case .sampled: try resetSampled(seed: seed, episode: episode)
    }
    episodeRandom = CountedRandom(seed: seed, "LIBERO's expert").at(world.task.name).at(episode)
  }

  /// Draws until nothing falls over: LIBERO's samplers know objects by radii that are too small, and its official states
  /// are a choice without such draws.
  private func resetSampled(seed: Int, episode: Int) throws {
    // Not seed + episode: runs with near seeds would share starts.
    let random = CountedRandom(seed: seed, "LIBERO's placements").at(world.task.name).at(episode)
    for draw in 0..<Self.maximumDraws {
      try begin(placementSeed: Int(random.words(draw).0), initialState: nil)
      let placed = objectBodies.map(simulation.bodyQuaternion)
      try settle()
      let hasFallen = zip(placed, objectBodies).contains { before, body in
        Rotation.tilt(from: before, to: simulation.bodyQuaternion(body)) > Self.maximumTilt
      }
      if !hasFallen { return }
    }
    throw Failure(
      "in \(Self.maximumDraws) draws for episode \(episode) of \(world.task.name) with seed \(seed) something fell over"
    )
  }

  /// Starts at an initial state (modulo their number), with fixtures placed by a seed, and settles.
  func reset(placementSeed: Int, initialState: Int?) throws {
    try begin(placementSeed: placementSeed, initialState: initialState)
    try settle()
  }

  /// Starts an episode without settling.
  ///
  /// - Parameter initialState: nil if the seed places the objects too.
  func begin(placementSeed: Int, initialState: Int?) throws {
    guard let numpySeed = UInt32(exactly: placementSeed) else {
      throw Failure("NumPy's generator takes seeds of 0 to 4294967295, not \(placementSeed)")
    }
    let state = try initialState.map { index throws in
      try world.initialStates.state(
        episode: index, positions: world.model.positionCount, velocities: world.model.velocityCount)
    }
    (stepsTaken, demonstration) = (0, nil)
    if let state {
      let poses = try world.scene.fixturePoses(seed: numpySeed)
      try motion.reset(to: state) { simulation throws in try world.scene.place(poses, in: simulation) }
    } else {
      let start = try world.sampledStart(seed: numpySeed)
      try motion.reset(to: nil) { simulation throws in try world.scene.place(start, in: simulation) }
    }
    startState = StartState(positions: state?.positions ?? simulation.positions)
  }

  private func settle() throws {
    burnersOn = visibility.burnersOn(in: simulation)
    for _ in 0..<Self.settlingSteps { try advance(Self.idleAction) }
    motion.mode = mode
  }

  /// Executes one action: a change of pose (or, in absolute mode, a pose), and the gripper's direction.
  public func step(_ action: [Float]) throws -> StepResult {
    try step(exactly: action.map(Double.init))
  }

  /// Executes one action in double precision, as the official stack does with double-precision actions.
  public func step(exactly action: [Double]) throws -> StepResult {
    guard action.count == Self.idleAction.count else {
      throw Failure("LIBERO takes actions of \(Self.idleAction.count) numbers, and got \(action.count)")
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
    sensedBurnersOn = burnersOn
    try motion.step(action) { simulation throws in onSubstep?(simulation) }
    burnersOn = visibility.burnersOn(in: simulation)
  }

  /// Images upright and mirrored, as LeRobot transforms them, state and instruction.
  public func observe(cameras: Set<String>) throws -> Observation {
    Observation(
      images: try render(cameras: cameras, mirrored: true), state: readings.policyState, instruction: instruction)
  }

  /// Images of the state at which the sensors were read, upright.
  func render(cameras: Set<String>, mirrored: Bool = false) throws -> [String: RGBImage] {
    guard !cameras.isEmpty else { return [:] }
    for name in cameras where self.cameras[name] == nil {
      throw Failure(
        "LIBERO has no camera '\(name)'; it has \(specification.cameras.map(\.name).joined(separator: ", "))")
    }
    let (width, height) = imageSize
    try visibility.apply(to: simulation, burnersOn: sensedBurnersOn)
    return try simulation.withPoses(at: readings.kinematicsPositions, present: motion.kinematicsPositions) {
      try world.withRenderer(RendererKind(width: width, height: height, backend: backend)) { renderer in
        var images: [String: RGBImage] = [:]
        for name in cameras {
          guard let camera = self.cameras[name] else { continue }
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
