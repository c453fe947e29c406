import Configuration
import Environments
import Foundation
import LeRobotDatasets
import OrderedCollections
import Policies
import Terminal

/// `lerobot-wm record`: demonstrations of a suite's own expert, as a LeRobotDataset.
enum RecordCommand: Command {
  struct Settings: ConfigurationSection {
    var environment = EnvironmentSettings.shapes(ShapesSettings())
    var dataset = RecordDatasetSettings()
    var seed = 0
    var overwrites = false

    static var fields: [Field<Self>] {
      [
        .init("seed", \.seed, help: "episodes follow from it; evaluation's are others"),
        .init("overwrite", \.overwrites, help: "replace the dataset that lies there"),
        .choice("env", \.environment, title: "EnvConfig", help: "kind of environment", of: EnvironmentSettings.choices),
        .section("dataset", \.dataset),
      ]
    }
  }

  struct RecordDatasetSettings: ConfigurationSection {
    var root = ""
    var episodes = 50
    var usesVideo = false

    static var fields: [Field<Self>] {
      [
        .init("root", \.root, help: "the new dataset's folder"),
        .init("num_episodes", \.episodes, help: "successful episodes to keep, of each task"),
        .init("video", \.usesVideo, help: "store pictures as video instead of PNG"),
      ]
    }

    func validate() throws(ConfigurationError) {
      guard !root.isEmpty else { throw ConfigurationError("root", "is needed") }
      guard episodes > 0 else { throw ConfigurationError("num_episodes", "expected 1 or more, found \(episodes)") }
    }
  }

  static let name = "record"
  static let summary = "record demonstrations of a scripted expert as a LeRobotDataset"
  static let examples = [
    "lerobot-wm record --env.type=shapes --env.task=push_side --dataset.root=data/shapes --dataset.num_episodes=100"
  ]

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let suite = try settings.environment.suite()
    let tasks = try settings.environment.tasks(of: suite)
    guard let first = tasks.first else { throw PolicyError("--env.task names no task") }
    let specification = try suite.specification(ofTask: first)
    let writer = try DatasetWriter(
      root: URL(fileURLWithPath: settings.dataset.root), framesPerSecond: Double(specification.datasetFramesPerSecond),
      robotType: suite.name, features: features(specification, usesVideo: settings.dataset.usesVideo),
      overwrite: settings.overwrites)
    let progress = Progress("recording", total: tasks.count * settings.dataset.episodes)
    let interruption = Interruption()
    for (number, task) in tasks.enumerated() {
      guard let environment = try suite.makeEnvironment(task: task) as? any DemonstratedEnvironment else {
        throw PolicyError("\(suite.name) has no demonstrator for \(task)")
      }
      let expert = Expert(environment: environment, task: task, seed: settings.seed)
      let before = number * settings.dataset.episodes
      let failed = try expert.demonstrate(settings.dataset.episodes) { demonstration, solved in
        for frame in demonstration.frames { try writer.addFrame(frame) }
        try writer.saveEpisode(task: demonstration.instruction)
        progress.update(before + solved)
        return interruption.signalNumber == nil
      }
      if let signal = interruption.signalNumber {
        progress.finish()
        say("stopped; nothing was kept")
        return 128 + signal
      }
      progress.say("\(task): \(settings.dataset.episodes) episodes kept, \(failed) failed")
    }
    try writer.finish()
    progress.finish()
    print(writer.root.path)
    return 0
  }

  private static func features(
    _ specification: EnvironmentSpecification, usesVideo: Bool
  ) -> OrderedDictionary<String, Feature> {
    var features: OrderedDictionary<String, Feature> = [:]
    for camera in specification.cameras {
      features[BatchKey.images + camera.name] = .camera(
        usesVideo ? .video : .image, height: camera.height, width: camera.width)
    }
    features[BatchKey.state] = Feature(
      .float32, shape: [specification.stateNames.count], names: .array(specification.stateNames.map { .string($0) }))
    features[BatchKey.action] = Feature(
      .float32, shape: [specification.actionNames.count], names: .array(specification.actionNames.map { .string($0) }))
    return features
  }
}

/// A scripted expert at one task, episode after episode.
private struct Expert {
  let environment: any DemonstratedEnvironment
  let task: String
  let seed: Int

  /// Demonstrates until `count` episodes have succeeded or `keep` returns false; returns how many failed.
  ///
  /// - Parameter keep: takes each success and how many there have been.
  func demonstrate(_ count: Int, keep: (Demonstration, _ solved: Int) throws -> Bool) throws -> Int {
    var (solved, failed) = (0, 0)
    while solved < count {
      guard failed <= 20 + 4 * solved else {
        throw PolicyError(
          "\(task): \(failed) of \(solved + failed) demonstrations failed; nothing useful would be recorded")
      }
      let demonstration = try Demonstration(environment, seed: seed, episode: solved + failed)
      guard demonstration.succeeded else {
        failed += 1
        continue
      }
      solved += 1
      guard try keep(demonstration, solved) else { break }
    }
    return failed
  }
}

/// One episode that a scripted expert carried out: a frame for each control step, as seen before its action.
private struct Demonstration {
  let instruction: String
  private(set) var frames: [[String: FrameValue]] = []
  private(set) var succeeded = false

  init(_ environment: any DemonstratedEnvironment, seed: Int, episode: Int) throws {
    try environment.reset(seed: seed, episode: episode)
    instruction = environment.instruction
    let cameras = Set(environment.specification.cameras.map(\.name))
    for _ in 0..<environment.specification.maximumSteps {
      let observation = try environment.observe(cameras: cameras)
      let action = try environment.demonstratedAction()
      var frame: [String: FrameValue] = [
        BatchKey.state: .floats(observation.state), BatchKey.action: .floats(action),
      ]
      for (camera, picture) in observation.images { frame[BatchKey.images + camera] = .image(picture) }
      frames.append(frame)
      let result = try environment.step(action)
      succeeded = succeeded || result.success
      if result.terminated { break }
    }
  }
}
