import Foundation
import LibTorch
import ModelFiles
import RobotPolicies

extension WeightAverage {
  /// The folder of a policy of the average beside `pretrained_model`.
  private static let folder = "pretrained_model_ema"
  /// Its weights, below the checkpoint.
  static let weightsPath = "\(folder)/model.safetensors"
  private static let stateFile = "ema_state.json"

  /// The average that a checkpoint holds, or a new one of the weights.
  ///
  /// - Parameter step: of the checkpoint; LeRobot notes the number of updates where only PyTorch can read it.
  static func restored(
    _ pretrained: PretrainedPolicy, _ settings: TrainingSettings, _ checkpoint: URL?, _ step: Int
  ) throws -> WeightAverage {
    let parameters = pretrained.policy.parameters
    let model = checkpoint?.appendingPathComponent(weightsPath)
    guard let checkpoint, let model, FileManager.default.fileExists(atPath: model.path) else {
      return try WeightAverage(of: parameters, settings.average)
    }
    let state = try? JSON(
      contentsOf: checkpoint.appendingPathComponent("training_state").appendingPathComponent(stateFile))
    return try WeightAverage(
      of: parameters, settings.average, from: Tensor.load(model),
      updates: state?["optimization_step"]?.integer ?? step / settings.batchesPerUpdate)
  }

  /// Writes a policy of the average and its state into a checkpoint.
  func save(_ pretrained: PretrainedPolicy, _ configuration: JSON, in checkpoint: URL) throws {
    let model = checkpoint.appendingPathComponent(Self.folder)
    try pretrained.save(to: model, with: weights)
    try configuration.write(to: model.appendingPathComponent("train_config.json"))
    let state = checkpoint.appendingPathComponent("training_state")
    try FileManager.default.createDirectory(at: state, withIntermediateDirectories: true)
    try (["optimization_step": .integer(updates)] as JSON).write(to: state.appendingPathComponent(Self.stateFile))
  }
}
