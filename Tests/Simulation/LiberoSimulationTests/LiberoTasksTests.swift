import Failures
import Foundation
import RobotEnvironments
import Testing

@testable import LiberoSimulation

@Suite(.enabled(if: packagedSettings != nil, "needs the packages' data"))
struct LiberoTasksTests {
  private func tasks(_ suites: [LiberoSuite], _ identifiers: [Int]?) throws -> LiberoTasks {
    try LiberoTasks(suites: suites, identifiers: identifiers, settings: #require(packagedSettings))
  }

  @Test func `are named by suite and number, and filed as LeRobot does`() throws {
    let chosen = try tasks([.spatial, .goal], [0, 3])
    #expect(chosen.taskNames == ["libero_spatial_0", "libero_spatial_3", "libero_goal_0", "libero_goal_3"])
    let label = chosen.label(ofTask: "libero_goal_3")
    #expect(label == TaskLabel(task: "libero_goal_3", group: "libero_goal", index: 3, name: "3"))
    #expect(label.folder == "libero_goal_3" && label.text == "libero_goal/3")
    #expect(try tasks([.spatial], nil).taskNames.count == 10)
  }

  @Test func `show and take what LeRobot's environment does`() throws {
    let chosen = try tasks([.spatial, .ten], [0])
    let specification = try chosen.specification(ofTask: "libero_spatial_0")
    #expect(specification.cameras.map(\.name) == ["image", "image2"])
    #expect(specification.cameras.allSatisfy { $0.width == 256 && $0.height == 256 })
    #expect(specification.stateNames.count == 8 && specification.actionNames.count == 7)
    #expect(specification.datasetFramesPerSecond == 10)
    #expect(specification.maximumSteps == 280)
    #expect(try chosen.specification(ofTask: "libero_10_0").maximumSteps == 520)
  }

  @Test func `are refused where they do not exist`() throws {
    #expect(throws: Failure.self) { try tasks([.spatial], [10]) }
    let chosen = try tasks([.spatial], [0])
    #expect(throws: Failure.self) { try chosen.makeEnvironment(task: "libero_spatial_1") }
    var options = LiberoTasks.Options()
    options.width = 4
    let settings = try #require(packagedSettings)
    #expect(throws: Failure.self) { try LiberoTasks(suites: [.spatial], settings: settings, options: options) }
  }
}
