import CounterBasedRandom
import Failures
import MuJoCoPhysics
import RGBImages
import RobotEnvironments

/// One table of the `shapes` suite.
final class ShapesEnvironment: DemonstratedEnvironment {
  static let maximumSteps = 40

  let specification: EnvironmentSpecification
  private let task: ShapesTask
  private let imageSize: Int
  private let backend: GraphicsBackend?
  private let simulation: Simulation
  private let handles: ShapesHandles
  private var renderer: Renderer?
  private(set) var startState = StartState(positions: [])

  private var choice = 0
  private var demonstrator = ShapesDemonstrator(speed: 1, noise: CountedRandom(seed: 0, ""))
  private var blockStarts: [SIMD2<Double>] = []
  private var firstTouch: Int?
  private var stepsTaken = 0
  private var succeeded = false

  init(task: ShapesTask, specification: EnvironmentSpecification, imageSize: Int, backend: GraphicsBackend?) throws {
    self.task = task
    self.specification = specification
    self.imageSize = imageSize
    self.backend = backend
    let model = try PhysicsModel(xml: ShapesScene.xml(blocks: task.blocks, imageSize: imageSize))
    (simulation, handles) = (try Simulation(model), try ShapesHandles(model, blockCount: task.blocks.count))
    try reset(seed: 0, episode: 0)
  }

  var instruction: String { task.choices[choice].instruction }

  var contraryInstruction: String? { task.choices[(choice + 1) % task.choices.count].instruction }

  func reset(seed: Int, episode: Int) throws {
    let numbers = CountedRandom(seed: seed, "shapes/\(task.name)").at(episode)
    choice = numbers.at("instruction").integer(below: task.choices.count)
    blockStarts = ShapesLayout.blocks(count: task.blocks.count, numbers.at("blocks"))
    let finger = ShapesLayout.finger(numbers.at("finger"))
    // The address of the noise is part of what a seed means, so it keeps its name.
    demonstrator = ShapesDemonstrator(speed: numbers.at("speed").uniform(in: 0.8...1), noise: numbers.at("tremor"))
    firstTouch = nil
    stepsTaken = 0
    succeeded = false
    try simulation.reset()
    handles.place(finger: finger, blocks: blockStarts, in: simulation)
    startState = StartState(positions: simulation.positions)
    try simulation.forward()
  }

  func step(_ action: [Float]) throws -> StepResult {
    guard action.count == 2 else {
      throw Failure("shapes takes actions of 2 numbers (velocity_x, velocity_y), and got \(action.count)")
    }
    guard action.allSatisfy(\.isFinite) else {
      throw Failure("shapes takes finite actions, and got \(action)")
    }
    for (axis, value) in action.enumerated() {
      simulation.setControl(Double(min(1, max(-1, value))) * ShapesScene.fullSpeed, at: handles.actuators[axis])
    }
    for _ in 0..<ShapesScene.substeps {
      try simulation.step()
      updateSuccess()
    }
    stepsTaken += 1
    return StepResult(reward: succeeded ? 1 : 0, terminated: succeeded, success: succeeded)
  }

  func observe(cameras: Set<String>) throws -> Observation {
    var images: [String: RGBImage] = [:]
    for camera in cameras {
      guard let index = handles.cameras[camera] else {
        throw Failure(
          "shapes has no camera '\(camera)'; it has \(specification.cameras.map(\.name).joined(separator: ", "))")
      }
      let pixels = try makeRendererOnce().draw(camera: index, of: simulation)
      images[camera] = try RGBImage(width: imageSize, height: imageSize, pixels: pixels)
    }
    let finger = handles.finger(in: simulation)
    return Observation(images: images, state: [Float(finger.x), Float(finger.y)], instruction: instruction)
  }

  func demonstratedAction() throws -> [Float] {
    let finger = handles.finger(in: simulation)
    let blocks = task.blocks.indices.map { handles.block($0, in: simulation) }
    let action = demonstrator.action(goal: task.choices[choice].goal, finger: finger, blocks: blocks, step: stepsTaken)
    return [Float(action.x), Float(action.y)]
  }

  private func makeRendererOnce() throws -> Renderer {
    if let renderer { return renderer }
    let made = try Renderer(simulation.model, width: imageSize, height: imageSize, backend: backend)
    renderer = made
    return made
  }

  /// Updates, after a physics step, which block was touched first and whether the goal is fulfilled.
  private func updateSuccess() {
    let touched = task.blocks.indices.first { handles.fingerTouches($0, in: simulation) }
    let isFirst = firstTouch == nil && touched != nil
    firstTouch = firstTouch ?? touched
    switch task.choices[choice].goal {
    case .push(let block, let direction):
      let moved = handles.block(block, in: simulation) - blockStarts[block]
      let along = (moved * direction).sum()
      let across = (moved - along * direction)
      if along >= ShapesGoal.pushDistance, (across * across).sum().squareRoot() <= along { succeeded = true }
    case .touch(let block):
      if firstTouch == block { succeeded = true }
    case .touchSide(let block, let direction):
      guard isFirst, touched == block else { return }
      let offset = handles.finger(in: simulation) - handles.block(block, in: simulation)
      let along = (offset * direction).sum()
      let across = offset - along * direction
      if along > (across * across).sum().squareRoot() { succeeded = true }
    }
  }
}
