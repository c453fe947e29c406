import Failures
import ModelFiles

/// One thing that was checked before something starts, and what was found.
public struct Check: Sendable, Equatable {
  public enum Outcome: String, Sendable {
    case ok
    /// It can go on, and a user should know.
    case warning
    /// It cannot go on, or its result would mean nothing.
    case problem
  }

  public let name: String
  public let outcome: Outcome
  /// What was found, in one sentence; where it is not ok, with the fix.
  public let text: String

  public init(_ name: String, _ outcome: Outcome, _ text: String) {
    (self.name, self.outcome, self.text) = (name, outcome, text)
  }

  public var json: JSON {
    ["name": .string(name), "outcome": .string(outcome.rawValue), "text": .string(text)]
  }
}

/// The checks of one start, in the order in which they were made.
///
/// A command makes them one by one and ends at the first problem; `doctor` makes the same ones and prints them all.
public struct Checks: Sendable {
  public private(set) var all: [Check] = []

  public init() {}

  /// The warnings as lines for people.
  public var warnings: [String] { all.filter { $0.outcome == .warning }.map { "warning: " + $0.text } }

  public mutating func add(_ checks: [Check]) { all += checks }

  public mutating func warn(_ name: String, _ texts: [String]) { all += texts.map { Check(name, .warning, $0) } }

  /// Makes a check: what `body` throws is a problem, and is thrown on.
  ///
  /// - Parameter found: what to say if it is ok; nil says nothing.
  public mutating func callAsFunction<Value>(
    _ name: String, found: (Value) -> String?, _ body: () throws -> Value
  ) throws -> Value {
    do {
      let value = try body()
      if let text = found(value) { all.append(Check(name, .ok, text)) }
      return value
    } catch {
      all.append(Check(name, .problem, message(of: error)))
      throw error
    }
  }
}
