import RobotEnvironments
import ShapesSimulation

/// The embedded suite: physics alone, and physics with both cameras.
func sceneBenchmarks() throws -> [Measurement] {
  let environment = try ShapesSuite(imageSize: 64).makeEnvironment(task: "push_side")
  func episode(cameras: Set<String>) throws {
    try environment.reset(seed: 0, episode: 0)
    for _ in 0..<40 {
      _ = try environment.step([0.2, 0.1])
      if !cameras.isEmpty { _ = try environment.observe(cameras: cameras) }
    }
  }
  return [
    try Measurement("shapes: control step", "step", count: 40) { try episode(cameras: []) },
    try Measurement("shapes: control step, 2 cameras of 64²", "step", count: 40) {
      try episode(cameras: ["image", "image2"])
    },
  ]
}
