import Failures
import LeRobotDatasets

/// The frames of an episode that the world modality uses for one of its frames.
public struct WorldWindow: Sendable, Equatable {
  /// The episode's frames by the dataset's global index; not empty.
  public let episode: Range<Int>
  public let frame: Int

  /// - Throws: if the frame is outside the episode.
  public init(frame: Int, episode: Range<Int>) throws {
    guard episode.contains(frame) else {
      throw Failure(
        "frame \(frame) is outside its episode, frames \(episode.lowerBound) to \(episode.upperBound - 1)")
    }
    self.episode = episode
    self.frame = frame
  }

  /// The Prophet's input, frames t−T+1 … t; before the episode's start, its first frame is repeated.
  public func history(frames count: Int) -> [Int] { window(1 - max(count, 0)..<1).indices }

  /// The Prophet's targets, frames t+1 … t+K; after the episode's end, its last frame is repeated and marked invalid.
  public func future(frames count: Int) -> FrameWindow { window(1..<max(count, 0) + 1) }

  private func window(_ offsets: Range<Int>) -> FrameWindow {
    FrameWindow(episode: episode, frame: frame, offsets: offsets)
  }
}
