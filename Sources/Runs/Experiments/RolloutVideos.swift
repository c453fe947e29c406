import Failures
import Foundation
import MediaCoding
import ModelFiles

/// The rollouts that the page shows: a few chosen by a fixed rule, bounded in bytes.
struct RolloutVideos: Sendable {
  struct Shown: Sendable {
    let arm: String
    let task: String
    let instruction: String?
    let episode: RecordedEvaluation.Episode
    let content: Content
  }

  enum Content: Sendable {
    /// An MP4 file that browsers play.
    case video([UInt8])
    /// PNG images of a video that they do not.
    case frames([[UInt8]])
    case unreadable(String)
  }

  let shown: [Shown]
  /// Chosen videos that exceed the budget.
  let leftOut: Int

  /// The first successes and the first failure that were recorded, of each arm's first seed.
  init(_ runs: RecordedRuns, budget: Int) {
    var shown: [Shown] = []
    var leftOut = 0
    var room = budget
    for choice in Self.choices(runs) {
      let content = Self.content(of: choice.video, room: room)
      guard let content else {
        leftOut += 1
        continue
      }
      room -= content.byteCount
      shown.append(
        Shown(
          arm: choice.arm, task: choice.episode.task, instruction: choice.instruction, episode: choice.episode,
          content: content))
    }
    self.shown = shown
    self.leftOut = leftOut
  }

  private struct Choice {
    let arm: String
    let episode: RecordedEvaluation.Episode
    let video: URL
    let instruction: String?
  }

  private static func choices(_ runs: RecordedRuns) -> [Choice] {
    var choices: [Choice] = []
    func choose(_ evaluation: RecordedEvaluation?, _ arm: String, successes: Int, failures: Int) {
      guard let evaluation else { return }
      let recorded = evaluation.episodes.filter { $0.video != nil }
      let chosen = spread(recorded.filter(\.isSuccess), successes) + spread(recorded.filter { !$0.isSuccess }, failures)
      choices += chosen.compactMap { episode in
        episode.video.map {
          Choice(arm: arm, episode: episode, video: $0, instruction: episode.instruction)
        }
      }
    }
    for experiment in runs.experiments {
      let run = runs.runs(of: experiment).first { $0.evaluations["eval"] != nil }
      choose(run?.evaluations["eval"], run?.name ?? experiment, successes: 2, failures: 1)
    }
    let contrary = runs.runs(of: "E0").first { $0.evaluations["eval_contrary"] != nil }
    choose(
      contrary?.evaluations["eval_contrary"], "\(contrary?.name ?? "E0"), contrary instruction", successes: 1,
      failures: 2)
    choose(runs.random, "random policy", successes: 0, failures: 1)
    return choices
  }

  /// The first `count` episodes, of different tasks as far as possible.
  private static func spread(_ episodes: [RecordedEvaluation.Episode], _ count: Int) -> [RecordedEvaluation.Episode] {
    var seen: Set<String> = []
    let first = episodes.filter { seen.insert($0.task).inserted }
    let others = episodes.filter { episode in
      !first.contains { $0.task == episode.task && $0.index == episode.index }
    }
    return Array((first + others).prefix(count))
  }

  /// What the page embeds of a video, nil if it exceeds the budget.
  private static func content(of url: URL, room: Int) -> Content? {
    let file: MappedFile
    do { file = try MappedFile(url) } catch { return .unreadable(message(of: error)) }
    // An MP4 file's first box is its type; the page embeds nothing else as a video.
    let bytes = file.count <= 64_000_000 ? file.contents : []
    guard bytes.count > 12, Array(bytes[4..<8]) == Array("ftyp".utf8) else {
      return .unreadable("\(url.path): expected an MP4 video, found \(file.count) bytes of something else")
    }
    if playable.contains(where: { Data(bytes).range(of: Data($0.utf8)) != nil }) {
      return bytes.count <= room ? .video(bytes) : nil
    }
    let frames = stills(of: url)
    switch frames {
    case .success(let images): return images.map(\.count).reduce(0, +) <= room ? .frames(images) : nil
    case .failure(let error): return .unreadable(message(of: error))
    }
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
    case .video(let bytes): bytes.count
    case .frames(let images): images.map(\.count).reduce(0, +)
    case .unreadable: 0
    }
  }
}
