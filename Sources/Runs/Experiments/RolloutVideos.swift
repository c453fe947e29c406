import Failures
import Foundation
import MediaCoding
import ModelFiles

/// The rollouts that the page shows: by a fixed rule, first those on which the arms disagree, bounded in bytes.
struct RolloutVideos: Sendable {
  /// An episode, with a film of each arm that played it.
  struct Row: Sendable {
    let title: String
    let task: String
    let index: Int
    let instruction: String?
    let films: [Film]
  }

  struct Film: Sendable {
    /// The arm, or what else played.
    let player: String
    /// Given only where it is another than the row's.
    let instruction: String?
    let episode: RecordedEvaluation.Episode
    /// Nil if the episode was not filmed.
    let content: Content?
  }

  enum Content: Sendable {
    /// An MP4 file that browsers play, and its first frame as a JPEG.
    case video([UInt8], poster: [UInt8]?)
    /// PNG images of a video that they do not.
    case frames([[UInt8]])
    case unreadable(String)
  }

  let rows: [Row]
  /// Chosen rows that exceed the budget.
  let leftOut: Int
  /// Paired episodes, and those on which arms disagree.
  let paired: Int, disputed: [PairedEpisode]

  /// Reads the videos of the chosen rows.
  ///
  /// - Parameter budget: bytes of all videos and images together.
  init(_ runs: RecordedRuns, budget: Int) {
    let episodes = runs.pairedEpisodes
    paired = episodes.count
    disputed = episodes.filter(\.isDisputed)
    var rows: [Row] = []
    var leftOut = 0
    var room = budget
    for choice in Self.choices(episodes) + Self.controls(runs) {
      guard let row = Self.row(choice, room: &room) else {
        leftOut += 1
        continue
      }
      rows.append(row)
    }
    (self.rows, self.leftOut) = (rows, leftOut)
  }

  /// Disputed episodes without a complete video.
  var unfilmed: [PairedEpisode] { disputed.filter { !$0.isFilmed } }

  private struct Choice {
    let title: String
    let plays: [(player: String, instruction: String?, episode: RecordedEvaluation.Episode)]
  }

  /// Up to four disputed episodes, then one that every arm solved and one that none did.
  private static func choices(_ episodes: [PairedEpisode]) -> [Choice] {
    let filmed = episodes.filter(\.isFilmed)
    let disputed = filmed.filter(\.isDisputed).spread(4)
    let agreed = filmed.filter { !$0.isDisputed }
    let solved = agreed.filter { $0.plays[0].episode.isSuccess }.spread(disputed.isEmpty ? 2 : 1)
    let unsolved = agreed.filter { !$0.plays[0].episode.isSuccess }.spread(1)
    func choices(_ episodes: [PairedEpisode], _ title: String) -> [Choice] {
      episodes.map { episode in
        Choice(
          title: "\(title) · training seed \(episode.seed)",
          plays: episode.plays.map { ($0.experiment, nil, $0.episode) })
      }
    }
    return choices(disputed, "The arms disagree") + choices(solved, "Every arm succeeds")
      + choices(unsolved, "No arm succeeds")
  }

  /// One episode of each evaluation that is no arm's: other instructions, and random actions.
  private static func controls(_ runs: RecordedRuns) -> [Choice] {
    func first(_ evaluation: RecordedEvaluation?) -> RecordedEvaluation.Episode? {
      let filmed = evaluation?.episodes.filter { $0.video != nil } ?? []
      return filmed.first { !$0.isSuccess } ?? filmed.first
    }
    var plays: [(String, String?, RecordedEvaluation.Episode)] = []
    for run in runs.runs {
      guard let episode = first(run.evaluations["eval_contrary"]) else { continue }
      plays.append(("\(run.name), contrary instruction", episode.instruction, episode))
    }
    if let episode = first(runs.random) { plays.append(("random policy", episode.instruction, episode)) }
    let shown = plays.prefix(3)
    return shown.isEmpty ? [] : [Choice(title: "Controls", plays: Array(shown))]
  }

  /// The row, or nil if its films exceed the room.
  private static func row(_ choice: Choice, room: inout Int) -> Row? {
    var left = room
    var films: [Film] = []
    for play in choice.plays {
      var content: Content?
      if let video = play.episode.video {
        guard let found = self.content(of: video, room: left) else { return nil }
        left -= found.byteCount
        content = found
      }
      films.append(
        Film(player: play.player, instruction: play.instruction, episode: play.episode, content: content))
    }
    room = left
    let first = choice.plays[0].episode
    return Row(
      title: choice.title, task: first.task, index: first.index,
      instruction: choice.plays[0].instruction == nil ? first.instruction : nil, films: films)
  }

  /// What the page embeds of a video, nil if it exceeds the room.
  private static func content(of url: URL, room: Int) -> Content? {
    let file: MappedFile
    do { file = try MappedFile(url) } catch { return .unreadable(message(of: error)) }
    // An MP4 file's first box is its type; the page embeds nothing else as a video.
    let bytes = file.count <= 64_000_000 ? file.contents : []
    guard bytes.count > 12, Array(bytes[4..<8]) == Array("ftyp".utf8) else {
      return .unreadable("\(url.path): expected an MP4 video, found \(file.count) bytes of something else")
    }
    let content: Content
    if playable.contains(where: { Data(bytes).range(of: Data($0.utf8)) != nil }) {
      // Without a poster a browser shows nothing before it plays.
      content = .video(bytes, poster: try? JPEG.encode(VideoReader(url).frame(at: 0, tolerance: 1), quality: 85))
    } else {
      switch stills(of: url) {
      case .success(let images): content = .frames(images)
      case .failure(let error): return .unreadable(message(of: error))
      }
    }
    return content.byteCount <= room ? content : nil
  }

  /// The codecs that browsers play, as MP4 names them.
  private static let playable = ["avc1", "avc3", "av01", "vp09"]

  /// Five images from the first to the last.
  private static func stills(of url: URL) -> Result<[[UInt8]], any Error> {
    Result {
      let reader = try VideoReader(url)
      let rate = max(reader.framesPerSecond, 1)
      let last = max(0, reader.duration - 1 / rate)
      var images: [[UInt8]] = []
      for part in 0..<5 {
        let time = (last * Double(part) / 4 * rate).rounded() / rate
        images.append(try PNG.encode(try reader.frame(at: time, tolerance: 0.6 / rate)))
      }
      return images
    }
  }
}

extension RolloutVideos.Content {
  fileprivate var byteCount: Int {
    switch self {
    case .video(let bytes, let poster): bytes.count + (poster?.count ?? 0)
    case .frames(let images): images.map(\.count).reduce(0, +)
    case .unreadable: 0
    }
  }
}
