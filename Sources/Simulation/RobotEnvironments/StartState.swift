/// Where the episodes of a suite's tasks start.
public enum InitialStateSource: String, Sendable, CaseIterable {
  /// From the benchmark's own list of states, in its order, over and over.
  case official
  /// From states that are drawn for each episode, by the seed.
  case sampled
}

/// The positions of everything in a scene when an episode starts, before objects come to rest.
///
/// They are rounded to a millionth (meters, radians), so that the last bits of a machine's arithmetic do not matter.
public struct StartState: Sendable, Hashable {
  /// The generalized positions, in millionths.
  public let millionths: [Int64]

  public init(positions: [Double]) {
    millionths = positions.map { Int64(exactly: ($0 * 1e6).rounded()) ?? .max }
  }
}
