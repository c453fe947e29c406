import Failures
import Foundation
import MuJoCoPhysics
import RGBImages
import RobotEnvironments
import Testing

@testable import LiberoSimulation

@Suite(.enabled(if: SceneMaterial.shared != nil, "needs the packages' data and scene assets"))
struct LiberoEnvironmentTests {
  @Test(.enabled(if: SpatialGolden.isHere, "needs the golden")) func `shows and senses what the official one does`()
    throws
  {
    let golden = try SpatialGolden()
    let environment = try LiberoEnvironment(SpatialGolden.world(), backend: .osmesa)
    try environment.reset(seed: 0, episode: 0)
    var worst: [String: Double] = [:]
    func compare(_ name: String, _ step: Int, _ found: [Double], _ expected: [Double]) {
      for (index, value) in found.enumerated() {
        worst[name] = max(worst[name] ?? 0, abs(value - expected[step * found.count + index]))
      }
    }
    let actions = try golden.floats("actions")
    let states = try golden.floats("policy_state").map(Double.init)
    let truth = Dictionary(
      uniqueKeysWithValues: try [
        "eef_pos", "eef_quat", "gripper_qpos", "joint_pos", "joint_vel", "qpos", "qvel",
      ].map { ($0, try golden.doubles($0)) })
    let contacts = try golden.values("ncon", of: Int64.self)
    let successes = try golden.values("success", of: UInt8.self)
    for step in 0...150 {
      if step > 0 {
        let result = try environment.step(Array(actions[((step - 1) * 7)..<(step * 7)]))
        #expect(result.success == (successes[step] != 0))
      }
      let readings = environment.readings
      let (position, turn) = (readings.endEffectorPosition, readings.endEffectorQuaternion)
      compare("eef_pos", step, [position.x, position.y, position.z], truth["eef_pos"] ?? [])
      compare("eef_quat", step, [turn.x, turn.y, turn.z, turn.w], truth["eef_quat"] ?? [])
      compare("gripper_qpos", step, readings.gripperPositions, truth["gripper_qpos"] ?? [])
      compare("joint_pos", step, readings.jointPositions, truth["joint_pos"] ?? [])
      compare("joint_vel", step, readings.jointVelocities, truth["joint_vel"] ?? [])
      compare("qpos", step, environment.simulation.positions, truth["qpos"] ?? [])
      compare("qvel", step, environment.simulation.velocities, truth["qvel"] ?? [])
      compare("policy_state", step, readings.policyState.map(Double.init), states)
      #expect(environment.simulation.contactCount == Int(contacts[step]))
      if [0, 60, 150].contains(step) {
        let before = environment.simulation.positions
        let upright = try environment.render(cameras: ["image", "image2"])
        #expect(environment.simulation.positions == before)
        let seen = try environment.observe(cameras: ["image", "image2"])
        for camera in ["image", "image2"] {
          let raw = try golden.values("raw_\(camera)_\(step)", of: UInt8.self)
          let (differing, most) = difference(try #require(upright[camera]).bottomUp, raw)
          print("\(camera) at \(step): \(differing) of 65536 pixels differ, by at most \(most)")
          #expect(differing <= 65 && most <= 1)
          let policy = try golden.values("policy_\(camera)_\(step)", of: UInt8.self)
          let turned = difference(try #require(seen.images[camera]).channelsFirst, policy)
          #expect(turned.pixels <= 3 * 65 && turned.most <= 1)
        }
      }
    }
    print(worst.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", "))
    for (name, deviation) in worst { #expect(deviation < 1e-6, "\(name)") }
  }

  @Test func `begins an episode the same way again`() throws {
    let environment = try LiberoEnvironment(SpatialGolden.world(), backend: .osmesa)
    try environment.reset(seed: 0, episode: 0)
    let first = environment.simulation.positions + environment.simulation.velocities
    for _ in 0..<3 { _ = try environment.step([0.5, -1, 0.3, 0.2, 0, 0.4, 1]) }
    let then = environment.simulation.positions
    try environment.reset(seed: 0, episode: 0)
    #expect(environment.simulation.positions + environment.simulation.velocities == first)
    for _ in 0..<3 {
      _ = try environment.observe(cameras: ["image"])
      _ = try environment.step([0.5, -1, 0.3, 0.2, 0, 0.4, 1])
    }
    #expect(environment.simulation.positions == then)
  }

  @Test func `refuses actions that are none and stays as it was`() throws {
    let environment = try LiberoEnvironment(SpatialGolden.world(), backend: .osmesa)
    try environment.reset(seed: 0, episode: 0)
    let before = environment.simulation.positions
    #expect(throws: Failure.self) { try environment.step([0, 0, 0, 0, 0, .nan, 1]) }
    #expect(throws: Failure.self) { try environment.step([0, 0, 0]) }
    #expect(throws: Failure.self) { try environment.observe(cameras: ["wrist"]) }
    #expect(environment.simulation.positions == before)
  }

  /// How many pixels (or, with channels first, numbers) differ, and by how much at most.
  private func difference(_ found: [UInt8], _ expected: [UInt8]) -> (pixels: Int, most: Int) {
    var pixels: Set<Int> = []
    var most = 0
    for index in found.indices where found[index] != expected[index] {
      pixels.insert(index / 3)
      most = max(most, abs(Int(found[index]) - Int(expected[index])))
    }
    return (pixels.count, most)
  }
}
