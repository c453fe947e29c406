/// Frames around a frame, clamped to its episode: nothing in it lies outside.
///
/// ```swift
/// FrameWindow(episode: 10..<14, frame: 12, offsets: 0..<4)   // indices 12 13 13 13, valid true true false false
/// ```
public struct FrameWindow: Sendable, Hashable {
  /// The frames, each offset's own or the nearest of the episode.
  public let indices: [Int]
  /// Whether the offset's own frame lies in the episode; LeRobot's `…_is_pad` is the opposite.
  public let isValid: [Bool]

  /// The window of `offsets` around `frame`.
  ///
  /// - Parameters:
  ///   - episode: the episode's frames, not empty.
  ///   - frame: a frame of the episode; any other is clamped to it first.
  ///   - offsets: distances in frames: `0..<50` for an action chunk, `[-2, -1, 0]` for a history.
  public init(episode: Range<Int>, frame: Int, offsets: some Sequence<Int>) {
    guard !episode.isEmpty else {
      indices = []
      isValid = []
      return
    }
    let first = episode.lowerBound, last = episode.upperBound - 1
    let frame = min(max(frame, first), last)
    var indices: [Int] = []
    var isValid: [Bool] = []
    for offset in offsets {
      let (wanted, overflow) = frame.addingReportingOverflow(offset)
      let clamped = overflow ? (offset < 0 ? first : last) : min(max(wanted, first), last)
      indices.append(clamped)
      isValid.append(!overflow && clamped == wanted)
    }
    self.indices = indices
    self.isValid = isValid
  }
}
