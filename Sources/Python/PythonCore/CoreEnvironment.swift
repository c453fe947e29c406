import Failures
import LiberoSimulation
import ModelFiles
import RobotEnvironments

/// An environment of LIBERO; those of one request share the task's compiled model.
final class CoreEnvironment: CoreObject {
  private let environment: any Environment

  private init(_ environment: any Environment) { self.environment = environment }

  static func make(_ request: CoreRequest) throws -> CoreAnswer {
    let suite = try LiberoSuite(named: request.text("suite"))
    let tasks = try LiberoTasks(
      suites: [suite], identifiers: [request.integer("task")], settings: .resolve(), options: .init(request))
    let name = tasks.taskNames[0]
    let environments = try (0..<request.integer("count")).map { _ in try tasks.makeEnvironment(task: name) }
    let specification = try tasks.specification(ofTask: name)
    return CoreAnswer(json: [
      "instruction": .string(environments.first?.instruction ?? ""),
      "cameras": .array(specification.cameras.map { .string($0.name) }),
      "height": .integer(specification.cameras[0].height), "width": .integer(specification.cameras[0].width),
      "state": .array(specification.stateNames.map(JSON.string)),
      "action": .array(specification.actionNames.map(JSON.string)),
      "frames_per_second": .integer(specification.framesPerSecond),
      "maximum_steps": .integer(specification.maximumSteps),
      "initial_states": try tasks.initialStateCount(ofTask: name).map(JSON.integer) ?? .null,
      "objects": .array(environments.map { .integer(CoreEnvironment($0).retained()) }),
    ])
  }

  func reset(_ request: CoreRequest) throws -> CoreAnswer {
    try inTurn { try environment.reset(seed: request.integer("seed"), episode: request.integer("episode")) }
    return CoreAnswer()
  }

  func step(_ request: CoreRequest) throws -> CoreAnswer {
    let action = (request.json["action"]?.array ?? []).compactMap { $0.double.map(Float.init) }
    let result = try inTurn { try environment.step(action) }
    return CoreAnswer(json: [
      "reward": .number(Double(result.reward)), "terminated": .bool(result.terminated),
      "success": .bool(result.success),
    ])
  }

  /// Copies the cameras' images, in the specification's order, and the state.
  func observe(images: UnsafeMutableBufferPointer<UInt8>, state: UnsafeMutableBufferPointer<Float>) throws {
    let cameras = environment.specification.cameras
    let bytes = cameras.map { $0.width * $0.height * 3 }.reduce(0, +)
    let numbers = environment.specification.stateNames.count
    guard images.count == bytes, state.count == numbers else {
      throw Failure(
        "the cameras' images have \(bytes) bytes and the state \(numbers) numbers, not \(images.count) and "
          + "\(state.count)")
    }
    let observation = try inTurn { try environment.observe(cameras: Set(cameras.map(\.name))) }
    var start = 0
    for camera in cameras {
      guard let pixels = observation.images[camera.name]?.pixels else { continue }
      _ = UnsafeMutableBufferPointer(rebasing: images[start..<start + pixels.count]).update(fromContentsOf: pixels)
      start += pixels.count
    }
    _ = state.update(fromContentsOf: observation.state)
  }
}

extension LiberoTasks.Options {
  /// What a request says of the environments; the rest is LeRobot's.
  fileprivate init(_ request: CoreRequest) throws {
    self.init()
    width = request.json["width"]?.integer ?? width
    height = request.json["height"]?.integer ?? height
    maximumSteps = request.json["maximum_steps"]?.integer
    for (name, value) in [("control_mode", request.json["control_mode"]?.string)] {
      guard let value else { continue }
      guard let chosen = ControlMode(rawValue: value) else {
        throw Failure("`\(name)=\(value)`: expected \(ControlMode.allCases.map(\.rawValue).joined(separator: " or "))")
      }
      mode = chosen
    }
    guard let value = request.json["initial_states"]?.string else { return }
    guard let chosen = InitialStateSource(rawValue: value) else {
      throw Failure(
        "`initial_states=\(value)`: expected \(InitialStateSource.allCases.map(\.rawValue).joined(separator: " or "))")
    }
    initialStates = chosen
  }
}
