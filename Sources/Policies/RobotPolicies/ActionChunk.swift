/// The actions that a policy plans from one observation, in the environment's units.
public struct ActionChunk: Sendable, Equatable {
  /// The numbers of one action.
  public let dimension: Int
  /// All actions, one after another.
  public let numbers: [Float]

  /// - Precondition: `numbers` are whole actions.
  public init(_ numbers: [Float], dimension: Int) {
    precondition(dimension > 0 && numbers.count.isMultiple(of: dimension), "a chunk consists of whole actions")
    self.numbers = numbers
    self.dimension = dimension
  }

  /// - Precondition: the actions have one dimension.
  public init(_ actions: [[Float]]) {
    precondition(actions.allSatisfy { $0.count == actions[0].count }, "the actions of a chunk have one dimension")
    self.init(actions.flatMap { $0 }, dimension: actions.first.map(\.count) ?? 1)
  }
}

extension ActionChunk: RandomAccessCollection {
  public var startIndex: Int { 0 }
  public var endIndex: Int { numbers.count / dimension }

  /// The action of one control step.
  public subscript(step: Int) -> [Float] { Array(numbers[step * dimension..<(step + 1) * dimension]) }
}
