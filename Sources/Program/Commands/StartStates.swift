import Foundation
import LayeredSettings
import LeRobotDatasets
import ModelFiles
import OrderedCollections
import PolicyEvaluation
import RobotEnvironments
import RobotPolicies

extension InitialStateSource: ConfigurationValue {}

extension TrainedStartStates {
  /// Those of a dataset's chosen episodes; none if another program recorded it.
  init(_ dataset: LeRobotDataset) throws {
    self.init()
    guard let recording = try DatasetRecording(ofDatasetAt: dataset.root) else { return }
    var digests: OrderedDictionary<String, [String]> = [:]
    for episode in dataset.episodes where recording.episodes.indices.contains(episode.index) {
      let start = recording.episodes[episode.index]
      digests[start.task, default: []].append(start.startState)
    }
    self.init([Recording(environment: recording.environment, seed: recording.seed, digests: digests)])
  }
}

extension EvaluationRun {
  /// A line for those who ask for more episodes than there are initial states; nil if there are enough.
  var repetitionNotice: String? {
    guard independentEpisodes < settings.episodes else { return nil }
    return "\(settings.episodes) episodes of a task start from \(independentEpisodes) initial states, so they "
      + "repeat and are not independent; `eval.init_states=sampled` draws a state for each"
  }

  /// Refuses episodes that start where a policy was trained.
  func check(_ trained: TrainedStartStates) throws { try trained.check(suite, tasks: tasks, settings) }
}
