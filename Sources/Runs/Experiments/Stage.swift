import Foundation
import ModelFiles
import OrderedCollections

/// A process of an experiment: what it runs, what must have ended before it starts, what it leaves, and whether that is
/// there.
public struct Stage: Sendable, Equatable {
  /// The kinds, in the order in which an experiment passes through them.
  public enum Kind: String, Sendable, CaseIterable {
    case latents, training, evaluation, ablations, chance, report

    /// What it does some number of; nil for a kind whose progress is not counted.
    var unit: String? {
      switch self {
      case .training: "step"
      case .evaluation, .ablations, .chance: "episode"
      case .latents, .report: nil
      }
    }

    /// Whether it computes with a policy or an encoder.
    var usesGPU: Bool { self != .chance && self != .report }
  }

  /// How a process that was killed is continued.
  public struct Continuation: Sendable, Equatable {
    /// What the killed process left; without it the stage starts from its beginning.
    public let file: URL
    /// The command line after the program's name.
    public let arguments: [String]

    public init(from file: URL, _ arguments: [String]) { (self.file, self.arguments) = (file, arguments) }
  }

  public let kind: Kind
  /// What it is a stage of, which names its log: a run such as `E2_seed0`, a cache, `random`, `report`.
  public let subject: String
  /// The command line after the program's name.
  public let arguments: [String]
  public let continuation: Continuation?
  /// The names of stages that must have succeeded, and of those that must only have ended.
  public let needs: [String], follows: [String]
  /// What it leaves.
  public let product: URL
  /// How many steps or episodes it is; 0 if that is not counted.
  public let work: Int
  public let isDone: Bool

  public init(
    _ kind: Kind, of subject: String, _ arguments: [String], continuation: Continuation? = nil, needs: [String] = [],
    follows: [String] = [], product: URL, work: Int = 0, isDone: Bool
  ) {
    (self.kind, self.subject, self.arguments, self.continuation) = (kind, subject, arguments, continuation)
    (self.needs, self.follows, self.product, self.work, self.isDone) = (needs, follows, product, work, isDone)
  }

  /// `E2_seed0 training`
  public var name: String { Self.name(kind, of: subject) }

  public static func name(_ kind: Kind, of subject: String) -> String {
    subject == kind.rawValue ? subject : "\(subject) \(kind.rawValue)"
  }

  /// Whether a killed process left what the next one continues.
  public var isContinued: Bool { continuation?.file.isThere ?? false }

  /// The command line to run now: it continues what is there.
  var commandLine: [String] { continuation.flatMap { isContinued ? $0.arguments : nil } ?? arguments }
}

extension [Stage] {
  /// Which of `count` places each subject computes at: caches go over them in turn, and so do all others.
  public func places(_ count: Int) -> [String: Int] {
    var places: [String: Int] = [:]
    for isLatents in [true, false] {
      let subjects = OrderedSet(filter { ($0.kind == .latents) == isLatents }.map(\.subject))
      for (index, subject) in subjects.enumerated() { places[subject] = index % count }
    }
    return places
  }
}
