import Foundation
import OrderedCollections
import Testing

@testable import LeRobotDatasets

struct InstructionTests {
  /// The error of a dataset whose tasks are `tasks`, or the groups of tasks that share their words.
  private func check(_ tasks: OrderedSet<String>) throws -> Result<[[Int]], any Error> {
    var result = Result<[[Int]], any Error>.success([])
    try withCopy("images") { root in
      try FileManager.default.removeItem(at: root.appendingPathComponent("meta/tasks.parquet"))
      try writeTasks(tasks, root: root)
      let dataset = try LeRobotDataset(root: root)
      result = Result { try dataset.checkInstructions() }
    }
    return result
  }

  @Test func `a dataset as it was recorded passes`() throws {
    #expect(try check(OrderedSet(ToyDataset.tasks)).get() == [])
  }

  @Test func `a task without words is refused`() throws {
    let result = try check(["", ToyDataset.tasks[1]])
    #expect(throws: (any Error).self) { try result.get() }
    if case .failure(let error) = result {
      #expect("\(error)".contains("task 0 of") && "\(error)".contains("has no instruction"))
    }
  }

  @Test func `tasks whose words are exchanged are refused`() throws {
    let result = try check([ToyDataset.tasks[1], ToyDataset.tasks[0]])
    guard case .failure(let error) = result else { return #expect(Bool(false), "no error") }
    #expect("\(error)".contains("contradict each other"))
  }
}
