import Foundation

/// What episodes claim of the video files of one camera, in seconds.
///
/// Frames are found by an episode's start and their own times, as LeRobot finds them, so a wrong start shows frames of another
/// episode without any error.
struct VideoRanges {
  private struct Claim {
    let episode: Int
    /// What is read; where `meta` says that it ends decides nothing.
    let start: Double, end: Double
  }

  private let period: Double
  private var claims: [URL: [Claim]] = [:]

  init(framesPerSecond: Double) { period = 1 / framesPerSecond }

  /// Adds an episode's range.
  ///
  /// - Returns: a sentence if it is no range, or lacks more than a frame of the episode.
  mutating func add(_ video: Episode.Video, of episode: Episode, in url: URL) -> String? {
    let length = Double(episode.frames.count) * period
    guard video.start.isFinite, video.end.isFinite, video.start >= 0,
      video.end - video.start > length - 1.01 * period
    else {
      return "it goes from \(video.start) to \(video.end) s of \(url.path) (from_timestamp, to_timestamp), "
        + "but its \(episode.frames.count) frames take \(length) s"
    }
    claims[url, default: []].append(
      Claim(episode: episode.index, start: video.start, end: video.start + length))
    return nil
  }

  /// The episodes that read what others read too, with a sentence.
  func overlaps() -> [Int: String] {
    var bad: [Int: String] = [:]
    for (url, claims) in claims {
      var last: Claim?
      for claim in claims.sorted(by: { ($0.start, $0.episode) < ($1.start, $1.episode) }) {
        defer { last = [last, claim].compactMap(\.self).max { $0.end < $1.end } }
        guard let before = last, claim.start < before.end - period / 2 else { continue }
        let text =
          "episodes \(min(before.episode, claim.episode)) and \(max(before.episode, claim.episode)) both read "
          + "seconds \(claim.start) to \(min(before.end, claim.end)) of \(url.path)"
        for episode in [before.episode, claim.episode] { bad[episode] = bad[episode] ?? text }
      }
    }
    return bad
  }
}
