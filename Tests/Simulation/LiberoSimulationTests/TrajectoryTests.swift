import Foundation
import MuJoCoPhysics
import Testing

@testable import LiberoSimulation

struct TrajectoryTests {
  @Test(.enabled(if: SpatialGolden.isHere && SceneMaterial.shared != nil, "needs the golden and scene assets"))
  func `follows the official trace through 4,000 physics steps`() throws {
    let golden = try SpatialGolden()
    let environment = try LiberoEnvironment(SpatialGolden.world())
    let positions = try golden.doubles("sub_qpos")
    let controls = try golden.doubles("sub_ctrl")
    let count = environment.simulation.model.positionCount
    var worst = 0.0
    var worstControl = 0.0
    var firstDifferent: Int?
    var step = 0
    environment.onSubstep = { simulation in
      let found = simulation.positions
      if firstDifferent == nil, found != Array(positions[(step * count)..<((step + 1) * count)]) {
        firstDifferent = step
      }
      for index in 0..<count { worst = max(worst, abs(found[index] - positions[step * count + index])) }
      for (index, value) in simulation.controls.enumerated() {
        worstControl = max(worstControl, abs(value - controls[step * 9 + index]))
      }
      step += 1
    }
    try environment.reset(seed: 0, episode: 0)
    for action in try golden.actions() { _ = try environment.step(action) }
    print("trace: qpos within \(worst), ctrl within \(worstControl); first different step \(firstDifferent ?? -1)")
    #expect(step == 4_000)
    #expect(worst < 1e-9)
  }
}
