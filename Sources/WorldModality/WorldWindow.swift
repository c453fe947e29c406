/// Which frames the world modality looks at around one frame of an episode; nothing ever leaves the episode.
public struct WorldWindow: Sendable, Equatable {
  /// The episode's frames by the dataset's global index; not empty.
  public let episode: Range<Int>
  /// The current frame, t.
  public let frame: Int

  /// The surroundings of `frame`.
  ///
  /// - Throws: where the frame lies outside the episode.
  public init(frame: Int, episode: Range<Int>) throws(WorldModalityError) {
    guard episode.contains(frame) else {
      throw WorldModalityError(
        "frame \(frame) lies outside its episode, frames \(episode.lowerBound) to \(episode.upperBound - 1)")
    }
    self.episode = episode
    self.frame = frame
  }

  /// An encoder clip, frames t−m+1 … t, the episode's first frame repeated before its start. It never looks ahead.
  public func clip(frames: Int) -> [Int] { past(frames) }

  /// The history, frames t−T+1 … t, the episode's first frame repeated before its start.
  public func history(frames: Int) -> [Int] { past(frames) }

  /// The future, frames t+1 … t+K, the episode's last frame repeated behind its end and marked invalid there.
  public func future(frames: Int) -> (indices: [Int], isValid: [Bool]) {
    let wanted = (0..<max(frames, 0)).map { frame + 1 + $0 }
    return (wanted.map { min($0, episode.upperBound - 1) }, wanted.map { $0 < episode.upperBound })
  }

  private func past(_ count: Int) -> [Int] {
    (0..<max(count, 0)).map { max(frame - count + 1 + $0, episode.lowerBound) }
  }
}
