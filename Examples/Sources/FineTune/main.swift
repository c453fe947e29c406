// Fine-tunes a checkpoint for a few steps on a LeRobotDataset and saves it in LeRobot's format.
//
//   swift run --package-path Examples FineTune CHECKPOINT DATASET_FOLDER OUTPUT_FOLDER
import Foundation
import LeRobotDatasets
import NeuralNetworks
import PolicyTraining
import PretrainedPolicies
import RobotPolicies
import TrainingBatches

guard CommandLine.arguments.count == 4 else {
  print("usage: FineTune CHECKPOINT DATASET_FOLDER OUTPUT_FOLDER")
  exit(2)
}
let (checkpoint, root, output) = (
  URL(fileURLWithPath: CommandLine.arguments[1]), URL(fileURLWithPath: CommandLine.arguments[2]),
  URL(fileURLWithPath: CommandLine.arguments[3])
)

// The checkpoint's weights and processors, the dataset's features and statistics.
let dataset = try LeRobotDataset(root: root)
var builder = PolicyBuilder(try PolicySettings(checkpoint: checkpoint), device: .cpu)
let features = try TrainingFeatures(dataset, renaming: [:], usesImageNetStatistics: true)
let policy = try builder.new(from: checkpoint, features: features, renaming: [:])

var settings = TrainingSettings(
  schedule: CosineSchedule(peak: 1e-4, final: 1e-6, warmupSteps: 2, decaySteps: 10, steps: 5))
settings.steps = 5
settings.batchSize = 4
settings.logFrequency = 1
settings.evaluationFrequency = 0

var callbacks = TrainingCallbacks()
callbacks.observe = { if case .logged(let line) = $0 { print(line) } }

try FileManager.default.createDirectory(at: output, withIntermediateDirectories: true)
var loop = try TrainingLoop(
  policy, settings, output: output, configuration: policy.configuration, frames: dataset.count,
  episodes: dataset.episodes.count, callbacks: callbacks)
let request = SampleSpecification(
  cameras: dataset.metadata.cameras, features: [BatchKey.state], chunkSize: policy.policy.interface.chunkSize)
var batches = try DatasetBatches(dataset, request, settings, from: loop.firstStep)
_ = try loop.run(on: &batches)
print("saved", CheckpointDirectory(output: output).folder(step: settings.steps, of: settings.steps).path)
