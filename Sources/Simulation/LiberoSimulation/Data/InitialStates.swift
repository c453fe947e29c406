import Failures
import Foundation

/// A task's initial states, as LIBERO stores them: time, positions and velocities of one model.
public struct InitialStates: Sendable, Equatable {
  public let count: Int
  /// The numbers of one state.
  public let width: Int
  private let elements: [Double]
  private let path: String

  /// Reads a `.pruned_init` file: a zip file with a pickled array of doubles, states × numbers.
  public init(contentsOf file: URL) throws {
    guard let data = try? Data(contentsOf: file) else {
      throw Failure("\(file.path) cannot be read; 'init_states:' in LIBERO's config.yaml names its folder")
    }
    guard let pickle = try StoredZip(Array(data), file: file.path).member(endingIn: "data.pkl") else {
      throw Failure("\(file.path) should hold a member 'data.pkl', and holds none")
    }
    let array = try PickledArray(pickle, file: file.path)
    guard array.shape.count == 2, array.shape[0] > 0, array.shape[1] > 0 else {
      throw Failure("\(file.path) should hold states × numbers, and holds an array of shape \(array.shape)")
    }
    (count, width) = (array.shape[0], array.shape[1])
    elements = array.elements
    path = file.path
  }

  /// One state: time in seconds, then a model's generalized positions and velocities.
  public struct State: Sendable, Equatable {
    /// Seconds.
    public let time: Double
    public let positions: [Double]
    public let velocities: [Double]
  }

  /// The state of an episode, which is its number modulo ``count``; a model that the states do not fit is an error.
  public func state(episode: Int, positions: Int, velocities: Int) throws -> State {
    guard width == 1 + positions + velocities else {
      throw Failure(
        "\(path) holds states of \(width) numbers, and the scene needs \(1 + positions + velocities) (time, \(positions) "
          + "positions, \(velocities) velocities); its tasks and its assets are of different versions")
    }
    let index = ((episode % count) + count) % count
    let row = Array(elements[index * width..<(index + 1) * width])
    guard row.allSatisfy(\.isFinite) else { throw Failure("\(path): state \(index) holds a number that is not finite") }
    return State(time: row[0], positions: Array(row[1..<1 + positions]), velocities: Array(row[(1 + positions)...]))
  }
}
