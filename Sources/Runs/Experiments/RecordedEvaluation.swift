import ExperimentStatistics
import Failures
import Foundation
import ModelFiles
import PolicyEvaluation

/// An `eval_info.json`: every episode that was evaluated, and under which protocol.
struct RecordedEvaluation: Sendable {
  struct Episode: Sendable {
    let task: String
    let index: Int
    let isSuccess: Bool
    let steps: Int?
    let problem: String?
    /// The instruction that the policy was given.
    let instruction: String?
    /// Its video, if it was recorded and is still there.
    var video: URL?
  }

  /// `…/eval_info.json`
  let url: URL
  /// Task names in the file's order.
  let tasks: [String]
  private(set) var episodes: [Episode]
  /// Everything that the results depend on, as the evaluation wrote it.
  let manifest: JSON
  /// How long it took, if recorded.
  let seconds: Double?
  /// Whether the outcomes and the protocol are those that the evaluation wrote; true if it wrote no digest.
  let isUnchanged: Bool
  let hasDigests: Bool

  init(_ url: URL) throws {
    self.url = url
    let json = try JSON(contentsOf: url)
    guard let perTask = json["per_task"]?.array else {
      throw Failure("\(url.path): expected \"per_task\", a list with one entry for each task")
    }
    var tasks: [String] = []
    var episodes: [Episode] = []
    for (index, entry) in perTask.enumerated() {
      let task = Self.name(of: entry, index)
      guard !tasks.contains(task) else { throw Failure("\(url.path): task \"\(task)\" is listed twice") }
      tasks.append(task)
      episodes += try Self.episodes(of: entry, task, url)
    }
    guard !episodes.isEmpty else { throw Failure("\(url.path): expected episodes, found none") }
    self.tasks = tasks
    self.episodes = episodes
    manifest = (json["protocol"] ?? .null)
    seconds = json["overall"]?["eval_s"]?.double
    let digests = (json["outcomes_sha256"]?.string, json["protocol_sha256"]?.string)
    // Evaluations that name their program have digests; LeRobot's have none.
    hasDigests = digests != (nil, nil) || manifest["program"] != nil
    isUnchanged =
      !hasDigests
      || digests == (EvaluationReport.outcomesSHA256(perTask), EvaluationReport.protocolSHA256(manifest))
  }

  private static func name(of entry: JSON, _ index: Int) -> String {
    // LeRobot's own file numbers the tasks of a group.
    let name = entry["task"]?.string ?? "task \(entry["task_id"]?.integer ?? index)"
    return entry["task_group"]?.string.map { "\($0)/\(name)" } ?? name
  }

  private static func episodes(of entry: JSON, _ task: String, _ url: URL) throws -> [Episode] {
    let metrics = entry["metrics"]
    guard let flags = metrics?["successes"]?.array, flags.allSatisfy({ $0.bool != nil }) else {
      throw Failure("\(url.path): task \"\(task)\": expected \"successes\", a list of true and false")
    }
    let steps = metrics?["steps"]?.array
    let problems = metrics?["problems"]?.array
    let instructions = metrics?["instructions"]?.array
    for (key, list) in [("steps", steps), ("problems", problems), ("instructions", instructions)] {
      guard let list, list.count != flags.count else { continue }
      throw Failure(
        "\(url.path): task \"\(task)\": expected \(flags.count) \(key), one for each episode, found \(list.count)")
    }
    var episodes: [Episode] = flags.enumerated().map { index, flag in
      Episode(
        task: task, index: index, isSuccess: flag == .bool(true), steps: steps?[index].integer,
        problem: problems?[index].string, instruction: instructions?[index].string)
    }
    for path in metrics?["video_paths"]?.array?.compactMap(\.string) ?? [] {
      guard let video = place(of: path, below: url.deletingLastPathComponent()),
        episodes.indices.contains(video.episode)
      else { continue }
      episodes[video.episode].video = video.url
    }
    return episodes
  }

  /// The file of `videos/SUITE_TASK/eval_episode_N.mp4` below the evaluation's folder, wherever it was when it was
  /// written; nil for a name of another kind, or if it is gone.
  private static func place(of path: String, below folder: URL) -> (url: URL, episode: Int)? {
    let parts = path.split(separator: "/").suffix(2)
    guard parts.count == 2, let name = parts.last, name.hasPrefix("eval_episode_"), name.hasSuffix(".mp4"),
      let episode = Int(name.dropFirst("eval_episode_".count).dropLast(".mp4".count)),
      let url = try? contained("videos/" + parts.joined(separator: "/"), in: folder), url.isThere
    else { return nil }
    return (url, episode)
  }
}

extension RecordedEvaluation {
  /// Takes the videos of episodes that another run of the evaluation filmed, where they ended alike.
  mutating func adoptVideos(of other: RecordedEvaluation) {
    for index in episodes.indices where episodes[index].video == nil {
      let mine = episodes[index]
      let same = other.episodes.first {
        $0.task == mine.task && $0.index == mine.index && $0.isSuccess == mine.isSuccess && $0.steps == mine.steps
      }
      episodes[index].video = same?.video
    }
  }

  /// Throws if the evaluation is not whole: its file was edited, it stopped early, or episodes ended with an error.
  func requireWhole(_ name: String) throws {
    guard isUnchanged else {
      throw Failure(
        "\(url.path) was edited after the evaluation: its digests are of other contents; evaluate \(name) again")
    }
    if let asked = setting("n_episodes")?.integer,
      let task = tasks.first(where: { rate(ofTask: $0).episodes != asked })
    {
      throw Failure(
        "\(name) has \(rate(ofTask: task).episodes) of \(asked) episodes of \(task); its evaluation did not end")
    }
    let broken = episodes.filter { $0.problem != nil }
    if let problem = broken.first?.problem {
      throw Failure(
        "\(broken.count) of \(episodes.count) episodes of \(name) ended with an error, the first with: \(problem)")
    }
  }

  /// The SHA-256 of the weights; nil if it was not recorded.
  var weights: String? { setting("model_sha256")?.string }

  var rate: SuccessRate { rate(of: episodes) }

  func rate(ofTask task: String) -> SuccessRate { rate(of: episodes.filter { $0.task == task }) }

  private func rate(of episodes: [Episode]) -> SuccessRate {
    SuccessRate(successes: episodes.count(where: \.isSuccess), episodes: episodes.count)
  }

  /// A protocol's entry, wherever it is nested; the outermost counts.
  func setting(_ key: String) -> JSON? { manifest.nearest(key) }
}

extension JSON {
  /// The value under `key` in this object or in the objects within it, level by level.
  func nearest(_ key: String) -> JSON? {
    var level = [self]
    while !level.isEmpty {
      if let found = level.lazy.compactMap({ $0[key] }).first(where: { $0 != .null }) { return found }
      level = level.flatMap { json in json.object.map { Array($0.values) } ?? [] }
    }
    return nil
  }

  /// A setting as text.
  var plain: String {
    switch self {
    case .string(let text): text
    case .null: "none"
    default: text(.compact)
    }
  }
}
