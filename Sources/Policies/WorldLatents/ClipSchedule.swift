import LeRobotDatasets

/// Which frames the batches of a precomputation need: a function of the batch's number alone, so that any thread can tell.
struct ClipSchedule: Sendable {
  /// Each episode's frames by global index, one after another from 0.
  let episodes: [Range<Int>]
  let batchSize: Int
  /// m, frames of a clip.
  let window: Int

  /// Frames, and so clips, in all.
  var rows: Int { episodes.last?.upperBound ?? 0 }

  var batches: Int { (rows + batchSize - 1) / batchSize }

  /// A batch's clips by global index, and all frames in them, ascending.
  func clips(of batch: Int) -> (clips: [[Int]], frames: [Int]) {
    let rows = batch * batchSize..<min((batch + 1) * batchSize, rows)
    var episode = ordinal(of: rows.lowerBound)
    let clips = rows.map { row in
      while episodes[episode].upperBound <= row { episode += 1 }
      return FrameWindow(episode: episodes[episode], frame: row, offsets: 1 - window..<1).indices
    }
    return (clips, Set(clips.joined()).sorted())
  }

  /// The frames of a batch that the one before it had not; `first` is the first batch of all.
  func newFrames(of batch: Int, first: Int) -> [Int] {
    let frames = clips(of: batch).frames
    guard batch > first else { return frames }
    let known = Set(clips(of: batch - 1).frames)
    return frames.filter { !known.contains($0) }
  }

  /// The episode that a frame lies in.
  private func ordinal(of frame: Int) -> Int {
    var (low, high) = (0, episodes.count - 1)
    while low < high {
      let middle = (low + high + 1) / 2
      if episodes[middle].lowerBound <= frame { low = middle } else { high = middle - 1 }
    }
    return low
  }
}
