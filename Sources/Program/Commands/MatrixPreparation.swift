import Experiments
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles

/// The checks before a matrix starts, and its stages.
///
/// Each arm's command line is parsed as `train` will parse it, and the policies, the latents and the environments are
/// opened once, so that a mistake shows before days of training and not after.
struct MatrixPreparation {
  /// A training run of the matrix.
  struct Run {
    let arm: MatrixArm
    let seed: Int
    let folder: MatrixRun

    /// `E2_seed0`
    var name: String { folder.url.lastPathComponent }
  }

  let root: URL
  let steps: Int
  /// Lines to print before the matrix starts.
  var notices: [String] = []
  /// The settings and data that all runs share; runs that differ in them cannot be compared.
  private(set) var common: JSON = .null
  /// Every arm with the first seed, then with the next.
  let runs: [Run]
  private(set) var stages: [Stage] = []
  /// Where stages run if they run here.
  let places: [ComputePlace]
  let arms: [MatrixArm]
  let evaluation: EvaluationPlan
  /// The camera whose frames an arm's latents are of, by the arm's name.
  var cameras: [String: String] = [:]
  let settings: MatrixSettings

  init(_ settings: MatrixSettings, root: URL) throws {
    self.root = root
    self.settings = settings
    arms = try MatrixArm.all(settings)
    guard let first = arms.first?.settings else { throw ConfigurationError("experiments", "expected an arm") }
    steps = first.steps
    guard arms.allSatisfy({ $0.settings.steps <= 1 << 40 && $0.settings.batchSize <= 1 << 20 }) else {
      throw ConfigurationError("steps", "expected at most 2^40, and --batch_size at most 2^20")
    }
    let arms = arms
    runs = settings.seedNumbers.flatMap { seed in
      arms.map { arm in
        Run(
          arm: arm, seed: seed, folder: MatrixRun(root.appendingPathComponent("\(arm.arm.name)_seed\(seed)")))
      }
    }
    // Whoever submits to Slurm may have no GPU.
    let isOnCPU = try settings.scheduler == .local && Device.chosen(first.policy.smolvla.device) == .cpu
    places = settings.gpuNames.map { ComputePlace($0, isOnCPU: isOnCPU) }
    evaluation = try EvaluationPlan(
      settings.forwardedFlags, policy: first.policy.smolvla, inputs: first.dataset.cameraFeatures(first.renameMap))
    try checkPolicies()
    if settings.scheduler == .local { try checkDevices(settings.gpuNames) }
    let checkpointBytes = try openArms()
    let plan = MatrixPlan(arms.map(\.arm), seeds: settings.seedNumbers, isSequential: settings.isSequential)
    common = try Self.common(arms, evaluation, plan)
    var checks = Checks()
    try OutputDisk.check(root.path, mirror: first.checkpointMirror, &checks)
    notices += checks.warnings
    notices += [
      "each run: \(steps) steps of \(first.batchSize), \(steps * first.batchSize) samples", evaluation.text,
    ]
    notices += [evaluation.imageNotice].compactMap(\.self)
    notices += [evaluation.run.repetitionNotice].compactMap { $0.map { "warning: " + $0 } }
    stages = try allStages()
    try checkDisk(checkpointBytes)
  }
}
