import Failures
import Foundation
import HuggingFaceHub
import LayeredSettings
import LeRobotDatasets
import MediaCoding
import OrderedCollections
import PolicyEvaluation
import RobotEnvironments
import RobotPolicies
import TerminalOutput

/// `lerobot-wm record`: demonstrations of a suite's own expert, as a LeRobotDataset.
enum RecordCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("seed", in: 0...1 << 53, help: "random seed of the starts; give the evaluation another one") var seed = 0
    @Setting("overwrite", help: "overwrite an existing dataset") var overwrites = false
    @SettingsGroup("env", title: "EnvConfig", help: "kind of environment", of: EnvironmentSettings.kinds)
    var environment = EnvironmentSettings.shapes(ShapesSettings())
    @SettingsGroup("dataset") var dataset = RecordDatasetSettings()
  }

  struct RecordDatasetSettings: ConfigurationSection {
    @Setting("repo_id", help: "the new dataset's name, such as user/name") var repoID = ""
    @Setting("root", help: "the new dataset's folder; else HF_LEROBOT_HOME/REPO_ID") var root = ""
    @Setting("num_episodes", in: 1...1_000_000, help: "successful episodes to keep, of each task") var episodes = 50
    @Setting("video", help: "store images as video instead of PNG") var usesVideo = false
    @Setting(
      "vcodec",
      help: "video codec; null takes libsvtav1 if available and frames have 64 pixels a side or more, otherwise h264")
    var codec: VideoCodec?
    @Setting("chunks_size", in: 1...1_000_000, help: "files in a folder") var filesPerChunk = ChunkSettings()
      .filesPerChunk
    @Setting("data_files_size_in_mb", in: 1e-6...1e9, help: "how large a data file grows")
    var dataFileMegabytes = ChunkSettings().dataFileMegabytes
    @Setting("video_files_size_in_mb", in: 1e-6...1e9, help: "how large a video grows")
    var videoFileMegabytes = ChunkSettings().videoFileMegabytes

    var chunks: ChunkSettings {
      var chunks = ChunkSettings()
      chunks.filesPerChunk = filesPerChunk
      (chunks.dataFileMegabytes, chunks.videoFileMegabytes) = (dataFileMegabytes, videoFileMegabytes)
      return chunks
    }

    func validate() throws(ConfigurationError) {
      guard repoID.isEmpty || HubRepository.isName(repoID) else {
        throw ConfigurationError(
          "repo_id", "expected a name such as user/name, found \(repoID); give a folder as --dataset.root")
      }
      guard !(root.isEmpty && repoID.isEmpty) else {
        throw ConfigurationError("root", "is needed, or --dataset.repo_id")
      }
    }

    /// Where the dataset goes, as LeRobot chooses it.
    var folder: URL {
      root.isEmpty ? DatasetLocation.home().appendingPathComponent(repoID) : URL(fileURLWithPath: root)
    }
  }

  static let name = "record"
  static let summary = "record demonstrations of a scripted expert as a LeRobotDataset"
  static let examples = [
    "lerobot-wm record --env.type=shapes --env.task=push_side --dataset.root=data/shapes --dataset.num_episodes=100",
    "lerobot-wm record --env.type=libero --env.task=libero_spatial --dataset.root=data/spatial "
      + "--dataset.num_episodes=10",
  ]

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    // Official initial states are for evaluation alone.
    let suite = try settings.environment.suite(.sampled)
    let tasks = try settings.environment.tasks(of: suite)
    guard let first = tasks.first else { throw Failure("--env.task names no task") }
    let specification = try suite.specification(ofTask: first)
    let writer = try DatasetWriter(
      root: settings.dataset.folder, framesPerSecond: Double(specification.datasetFramesPerSecond),
      robotType: suite.robotType, features: features(specification, usesVideo: settings.dataset.usesVideo),
      chunks: settings.dataset.chunks, videoCodec: settings.dataset.codec, overwrite: settings.overwrites)
    var recording = Recording(writer, suite, settings, taskCount: tasks.count)
    for task in tasks where recording.signalNumber == nil { try recording.record(task) }
    return try recording.finish()
  }

  private static func features(
    _ specification: EnvironmentSpecification, usesVideo: Bool
  ) -> OrderedDictionary<String, DatasetFeature> {
    var features: OrderedDictionary<String, DatasetFeature> = [:]
    for camera in specification.cameras {
      features[BatchKey.images + camera.name] = .camera(
        usesVideo ? .video : .image, height: camera.height, width: camera.width)
    }
    features[BatchKey.state] = DatasetFeature(
      .float32, shape: [specification.stateNames.count], names: .array(specification.stateNames.map { .string($0) }))
    features[BatchKey.action] = DatasetFeature(
      .float32, shape: [specification.actionNames.count], names: .array(specification.actionNames.map { .string($0) }))
    return features
  }
}

extension VideoCodec: ConfigurationValue {}

/// A dataset that grows task by task. A task that the expert cannot do is refused by name, and the others continue.
private struct Recording {
  private let writer: DatasetWriter
  private let suite: any EnvironmentSuite
  private let settings: RecordCommand.Settings
  private let progress: ProgressBar
  private let interruption = Interruption()
  private var recording: DatasetRecording
  private var tasksDone = 0
  /// The tasks that were refused for each reason.
  private var refused: OrderedDictionary<String, [String]> = [:]

  init(
    _ writer: DatasetWriter, _ suite: any EnvironmentSuite, _ settings: RecordCommand.Settings, taskCount: Int
  ) {
    (self.writer, self.suite, self.settings) = (writer, suite, settings)
    progress = ProgressBar("recording", total: taskCount * settings.dataset.episodes)
    recording = DatasetRecording(
      program: ProgramRecord.json, environment: settings.json["env"] ?? .null,
      initialStates: suite.initialStates.rawValue, seed: settings.seed)
  }

  /// The signal that asked to stop, if one did.
  var signalNumber: Int32? { interruption.signalNumber }

  /// Records a task's episodes; what the expert fails at is said and leaves what has been recorded as it is.
  mutating func record(_ task: String) throws {
    let interruption = interruption
    var expert = DemonstrationCollector(suite, task: task, seed: settings.seed) { interruption.signalNumber != nil }
    defer { expert.leave() }
    var (solved, failed) = (0, 0)
    func show() {
      let failures = failed > 0 ? ", \(counted(failed, "failure"))" : ""
      progress.update(tasksDone * settings.dataset.episodes + solved, note: task + failures)
    }
    show()
    while solved < settings.dataset.episodes {
      let result = expert.nextDemonstration(needed: settings.dataset.episodes - solved)
      guard interruption.signalNumber == nil else { break }
      switch result {
      case .failure(let error):
        return refuse(task, message(of: error))
      case .success(let demonstration) where demonstration.succeeded:
        for frame in demonstration.frames { try writer.addFrame(frame) }
        try writer.saveEpisode(task: demonstration.instruction)
        recording.episodes.append(
          DatasetRecording.Episode(
            task: task, number: demonstration.episode, startState: demonstration.start.digest))
        solved += 1
        show()
      case .success:
        failed += 1
        show()
        // One in five is worth waiting for; an expert that has shown nothing after ten will not.
        guard failed <= 10 + 4 * solved else {
          return refuse(
            task, "the scripted expert failed \(failed) of \(solved + failed) episodes; the \(solved) solved are kept")
        }
      }
    }
    guard solved + failed > 0 else { return }
    tasksDone += 1
    progress.say("\(task): solved \(solved) of \(solved + failed) episodes, kept \(solved)")
  }

  private mutating func refuse(_ task: String, _ reason: String) {
    refused[reason, default: []].append(task)
    tasksDone += 1
  }

  private var refusals: [String] { refused.map { "\($0.value.joined(separator: ", ")): \($0.key)" } }

  /// Completes the dataset of all whole episodes; gives the exit status.
  ///
  /// - Throws: why there is no dataset, if no episode was recorded.
  func finish() throws -> Int32 {
    progress.finish()
    let count = writer.metadata.episodeCount
    guard count > 0 else {
      if let signalNumber {
        say("stopped; nothing was kept")
        return 128 + signalNumber
      }
      throw Failure(refusals.joined(separator: "; "))
    }
    writer.recording = recording
    try writer.finish()
    for refusal in refusals { say("refused: \(refusal)") }
    if signalNumber != nil { say("stopped; \(counted(count, "whole episode")) kept") }
    print(writer.root.path)
    return signalNumber.map { 128 + $0 } ?? (refusals.isEmpty ? 0 : 1)
  }
}
