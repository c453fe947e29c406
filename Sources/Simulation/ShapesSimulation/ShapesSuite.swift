import Failures
import MuJoCoPhysics
import RobotEnvironments

/// The embedded suite: a finger on a gantry, a table, and blocks to touch or push as the instruction says.
public struct ShapesSuite: EnvironmentSuite {
  /// The edge of each camera's image, pixels.
  public let imageSize: Int
  /// The library to draw with; nil selects by `MUJOCO_GL`.
  public let backend: GraphicsBackend?

  /// Makes the suite with square images of 16…1024 pixels.
  public init(imageSize: Int = 64, backend: GraphicsBackend? = nil) throws {
    guard (16...1024).contains(imageSize) else {
      throw Failure("shapes draws images of 16 to 1024 pixels, and \(imageSize) was requested")
    }
    self.imageSize = imageSize
    self.backend = try backend ?? GraphicsBackend.requested()
  }

  public var name: String { "shapes" }

  /// `push_side`, `push_direction`, `touch_side`, `touch_color`.
  public var taskNames: [String] { ShapesTask.all.map(\.name) }

  /// The specification of a task's environments.
  public func specification(ofTask task: String) throws -> EnvironmentSpecification {
    _ = try find(task)
    return EnvironmentSpecification(
      cameras: ["image", "image2"].map { CameraSpecification(name: $0, width: imageSize, height: imageSize) },
      stateNames: ["finger_x", "finger_y"], actionNames: ["velocity_x", "velocity_y"],
      framesPerSecond: ShapesScene.framesPerSecond, maximumSteps: ShapesEnvironment.maximumSteps)
  }

  /// Makes an environment for a task; it also demonstrates the task.
  public func makeEnvironment(task: String) throws -> any Environment {
    try makeDemonstratedEnvironment(task: task)
  }

  /// Makes an environment for a task, with its demonstrator.
  public func makeDemonstratedEnvironment(task: String) throws -> any DemonstratedEnvironment {
    let found = try find(task)
    return try ShapesEnvironment(
      task: found, specification: specification(ofTask: task), imageSize: imageSize, backend: backend)
  }

  private func find(_ name: String) throws -> ShapesTask {
    guard let found = ShapesTask.all.first(where: { $0.name == name }) else {
      throw Failure("shapes has no task '\(name)'; it has \(taskNames.joined(separator: ", "))")
    }
    return found
  }
}
