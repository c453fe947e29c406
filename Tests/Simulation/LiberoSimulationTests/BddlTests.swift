import Failures
import Foundation
import Testing

@testable import LiberoSimulation

struct BddlTests {
  static let small = """
    (define (problem LIBERO_Tabletop_Manipulation) ; a comment (
      (:domain robosuite)
      (:language Open the drawer)
      (:regions
        (spot (:target Main_Table) (:ranges ((-0.1 -0.2 0.1 0.2))) (:yaw_rotation ((0.5 0.25))))
        (drawer (:target cabinet_1)))
      (:fixtures main_table - table cabinet_1 - wooden_cabinet)
      (:objects bowl_1 bowl_2 - bowl)
      (:obj_of_interest bowl_1)
      (:init (On bowl_1 main_table_spot) (Open cabinet_1_drawer))
      (:goal (And (In bowl_1 cabinet_1_drawer) (Close cabinet_1_drawer)))
    )
    """

  @Test func `is read in the file's order, its names in lower case`() throws {
    let problem = try BddlProblem(parsing: Self.small, file: "small.bddl")
    #expect(problem.name == "libero_tabletop_manipulation")
    #expect(problem.language == "open the drawer")
    #expect(problem.fixtures == ["table": ["main_table"], "wooden_cabinet": ["cabinet_1"]])
    #expect(problem.objects == ["bowl": ["bowl_1", "bowl_2"]])
    #expect(Array(problem.regions.keys) == ["main_table_spot", "cabinet_1_drawer"])
    let spot = try #require(problem.regions["main_table_spot"])
    #expect(spot.ranges == [.init(x: .init(from: -0.1, to: 0.1), y: .init(from: -0.2, to: 0.2))])
    #expect(spot.yaw == (0.5, 0.25))
    #expect(problem.initialState.map(\.relation) == [.on, .open])
    #expect(problem.goal.map(\.arguments) == [["bowl_1", "cabinet_1_drawer"], ["cabinet_1_drawer"]])
  }

  @Test(arguments: ["\r\n", "\r"]) func `a comment ends with its line on every system`(end: String) throws {
    let commented = Self.small.replacing("\n", with: " ; a comment (\n")
    let problem = try BddlProblem(parsing: commented.replacing("\n", with: end), file: "small.bddl")
    #expect(try problem.goal.map(\.arguments) == BddlProblem(parsing: Self.small, file: "").goal.map(\.arguments))
    let error = #expect(throws: (any Error).self) {
      try BddlProblem(parsing: "(define\(end)  (problem x)))", file: "small.bddl")
    }
    #expect(error.map { "\($0)" }?.contains("2:15") == true)
  }

  @Test(arguments: [
    ("", "1:1: the file is empty"),
    ("(define (problem x)", "1:1: '(' without a ')'"),
    ("(define\n  (problem x)))", "2:15: the expression of line 1 has already ended"),
    (")", "1:1: ')' without a '('"),
    (
      "(define (problem x)\n (:init) (:goal (And (Near a b))))",
      "2:22: expected one of on, in, open, close, turnon, turnoff, found 'near'"
    ),
    ("(define (problem x)\n (:init (On a)) (:goal (On a b)))", "2:9: 'on' takes 2 names, found 1"),
    (
      "(define (problem x)\n (:init (On a b)) (:goal (On a b)))",
      "2:2: 'a' is neither an object, a fixture nor a region of this task"
    ),
    (
      "(define (problem x)\n (:regions (r (:target t) (:ranges ((0 0 1))))))",
      "2:37: expected 4 numbers for a rectangle, found 3"
    ),
    (
      "(define (problem x)\n (:regions (r (:target t) (:ranges ((0 0 1 nan))))))",
      "2:44: expected a number, found 'nan'"
    ),
    ("(define (problem x) (:objects a b))", "1:33: 'a' has no category"),
    ("(define (problem x) (:sounds a))", "1:22: ':sounds' is not a group of a task"),
    ("(define (problem x) (:init))", "1:1: expected a group (:goal …), found none"),
    ("hello", "1:1: expected (define …), found 'hello'"),
  ])
  func `that is malformed is refused with its place`(_ text: String, _ reason: String) {
    let error = #expect(throws: Failure.self) { try BddlProblem(parsing: text, file: "t.bddl") }
    #expect(error?.description == "t.bddl:\(reason)")
  }

  @Test func `that nests without end is refused`() {
    let text = String(repeating: "(", count: 100_000)
    #expect(throws: Failure.self) { try BddlProblem(parsing: text, file: "deep.bddl") }
  }

  @Test(.needsPackages) func `of every one of the 130 tasks is read`() throws {
    let packagedSettings = try #require(packagedSettings)
    var count = 0
    var relations: Set<BddlPredicate.Relation> = []
    for suite in LiberoSuite.allCases {
      for task in try suite.tasks(packagedSettings) {
        let problem = try BddlProblem(contentsOf: task.bddlFile)
        #expect(!problem.objects.isEmpty && !problem.initialState.isEmpty && !problem.objectsOfInterest.isEmpty)
        relations.formUnion((problem.initialState + problem.goal).map(\.relation))
        count += 1
      }
    }
    #expect(count == 130)
    #expect(relations == Set(BddlPredicate.Relation.allCases))
  }
}
