import Failures
import Foundation
import HuggingFaceHub
import LeRobotDatasets
import ModelFiles
import OrderedCollections
import PolicyEvaluation
import RobotEnvironments
import RobotPolicies
import Synchronization

/// `--eval.recording=true`: an evaluation's episodes as LeRobotDatasets with LeRobot's features, one for each task, in the
/// order in which they end.
final class RolloutRecorder: EpisodeRecorder {
  private struct TaskRecording {
    let writer: DatasetWriter
    var recording: DatasetRecording
  }

  private let suite: any EnvironmentSuite
  private let folder: URL
  private let environment: JSON
  private let seed: Int
  private let tasks = Mutex<OrderedDictionary<String, TaskRecording>>([:])

  /// - Parameters:
  ///   - folder: the datasets go below it, each named by its task's group and number.
  ///   - environment: the settings of the environment.
  ///   - seed: of the evaluation.
  init(_ suite: any EnvironmentSuite, in folder: URL, environment: JSON, seed: Int) {
    (self.suite, self.folder, self.environment, self.seed) = (suite, folder, environment, seed)
  }

  func record(_ steps: [RecordedStep], of result: EpisodeResult, from start: StartState) throws {
    let task = result.task
    let specification = try suite.specification(ofTask: task)
    try tasks.withLock { tasks in
      var recording = try tasks[task] ?? begin(task, specification)
      do {
        for step in steps { try recording.writer.addFrame(Self.frame(step)) }
        try recording.writer.saveEpisode(task: steps[0].observation.instruction)
      } catch {
        recording.writer.discardEpisode()
        throw error
      }
      recording.recording.episodes.append(
        DatasetRecording.Episode(task: task, number: result.episode, startState: start.digest))
      tasks[task] = recording
    }
  }

  private func begin(_ task: String, _ specification: EnvironmentSpecification) throws -> TaskRecording {
    var features: OrderedDictionary<String, DatasetFeature> = [:]
    for camera in specification.cameras {
      features[BatchKey.images + camera.name] = .camera(.video, height: camera.height, width: camera.width)
    }
    for (name, values) in [(BatchKey.state, specification.stateNames), (BatchKey.action, specification.actionNames)] {
      features[name] = DatasetFeature(.float32, shape: [values.count], names: .array(values.map(JSON.string)))
    }
    features["next.reward"] = DatasetFeature(.float32, shape: [1])
    for name in ["next.success", "next.done"] { features[name] = DatasetFeature(.bool, shape: [1]) }
    let label = suite.label(ofTask: task)
    let writer = try DatasetWriter(
      root: folder.appendingPathComponent("\(label.group)_\(label.index)", isDirectory: true),
      framesPerSecond: Double(specification.datasetFramesPerSecond), robotType: suite.robotType, features: features,
      overwrite: true)
    return TaskRecording(
      writer: writer,
      recording: DatasetRecording(
        program: ProgramRecord.json, environment: environment, initialStates: suite.initialStates.rawValue, seed: seed))
  }

  private static func frame(_ step: RecordedStep) -> [String: FeatureValue] {
    var values: [String: FeatureValue] = [
      BatchKey.state: .floats(step.observation.state), BatchKey.action: .floats(step.action),
      "next.reward": .floats([step.result.reward]), "next.success": .booleans([step.result.success]),
      "next.done": .booleans([step.isLast]),
    ]
    for (camera, image) in step.observation.images { values[BatchKey.images + camera] = .image(image) }
    return values
  }

  /// Completes the datasets; returns their folders.
  func finish() throws -> [URL] {
    try tasks.withLock { tasks in
      defer { tasks = [:] }
      return try tasks.values.map { recorded in
        recorded.writer.recording = recorded.recording
        try recorded.writer.finish()
        return recorded.writer.root
      }
    }
  }
}

/// `--eval.recording_repo_id=USER/NAME`: the recorded datasets in repositories `USER/NAME_GROUP_TASK`, as LeRobot names
/// them.
struct RecordingUpload {
  private let hub = Hub()
  private let name: String
  private let isPrivate: Bool

  /// Checks, before anything is evaluated, that the upload is possible.
  init(_ name: String, isPrivate: Bool) throws {
    (self.name, self.isPrivate) = (name, isPrivate)
    guard name.contains("/") else { throw Failure("expected OWNER/NAME in `eval.recording_repo_id`, found \(name)") }
    try hub.checkUpload(to: HubRepository(.dataset, name))
  }

  /// Uploads a dataset; returns its new address.
  func send(_ root: URL) throws -> String {
    let repository = try HubRepository(.dataset, "\(name)_\(root.lastPathComponent)")
    do {
      let address = try hub.upload(
        HubUpload.files(in: root), to: repository, isPrivate: isPrivate, summary: "Upload recorded rollouts")
      // LeRobot looks for a dataset's version under its tag.
      try hub.tag(repository, "v3.0")
      return address
    } catch { throw Failure("\(error); the dataset is in \(root.path)") }
  }
}
