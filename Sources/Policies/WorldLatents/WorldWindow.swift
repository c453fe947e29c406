import Failures
import LeRobotDatasets

/// Which frames the world modality looks at around one frame of an episode; nothing ever leaves the episode.
public struct WorldWindow: Sendable, Equatable {
  /// The episode's frames by the dataset's global index; not empty.
  public let episode: Range<Int>
  public let frame: Int

  /// The surroundings of `frame`.
  ///
  /// - Throws: where the frame lies outside the episode.
  public init(frame: Int, episode: Range<Int>) throws {
    guard episode.contains(frame) else {
      throw Failure(
        "frame \(frame) lies outside its episode, frames \(episode.lowerBound) to \(episode.upperBound - 1)")
    }
    self.episode = episode
    self.frame = frame
  }

  /// An encoder clip, frames t−m+1 … t, the episode's first frame repeated before its start. It never looks ahead.
  public func clip(frames: Int) -> [Int] { surroundings(past(frames)).indices }

  /// The history, frames t−T+1 … t, the episode's first frame repeated before its start.
  public func history(frames: Int) -> [Int] { surroundings(past(frames)).indices }

  /// The future, frames t+1 … t+K, the episode's last frame repeated behind its end and marked invalid there.
  public func future(frames: Int) -> FrameWindow { surroundings(1..<max(frames, 0) + 1) }

  private func past(_ count: Int) -> Range<Int> { 1 - max(count, 0)..<1 }

  private func surroundings(_ offsets: Range<Int>) -> FrameWindow {
    FrameWindow(episode: episode, frame: frame, offsets: offsets)
  }
}
