import Experiments
import Foundation
import LayeredSettings
import LibTorch
import ModelFiles
import PolicyTraining

/// The checks before a matrix starts, and its jobs.
///
/// Each arm's command line is parsed as `train` will parse it, and the policies, the latents and the environments are
/// opened once, so that a mistake shows before days of training and not after.
struct MatrixPreparation {
  let root: URL
  let steps: Int
  /// Lines to print before the matrix starts.
  var notices: [String] = []
  /// The settings and data that all runs share; runs that differ in them cannot be compared.
  private(set) var common: JSON = .null
  /// The runs, each with its remaining stages.
  private(set) var jobs: [MatrixJob]
  let arms: [MatrixArm]
  let evaluation: EvaluationPlan

  init(_ settings: MatrixCommand.Settings, root: URL) throws {
    self.root = root
    arms = try MatrixArm.all(settings)
    guard let first = arms.first?.settings else { throw ConfigurationError("experiments", "expected an arm") }
    steps = first.steps
    guard steps <= 1 << 40, first.batchSize <= 1 << 20 else {
      throw ConfigurationError("steps", "expected at most 2^40, and --batch_size at most 2^20")
    }
    jobs = MatrixJob.all(
      settings.arms, seeds: settings.seedNumbers, gpus: settings.gpuNames)
    evaluation = try EvaluationPlan(settings.forwardedFlags, policy: first.policy.smolvla)
    try checkPolicies()
    try checkDevices(settings.gpuNames)
    let checkpointBytes = try openArms()
    common = try Self.common(
      arms, evaluation,
      MatrixPlan(
        experiments: settings.arms.map(\.rawValue), seeds: settings.seedNumbers, isSequential: settings.isSequential))
    var checks = Checks()
    OutputDisk.check(root.path, mirror: first.checkpointMirror, &checks)
    notices += checks.warnings
    notices += [
      "each run: \(steps) steps of \(first.batchSize), \(steps * first.batchSize) samples", evaluation.text,
    ]
    notices += [evaluation.run.repetitionNotice].compactMap { $0.map { "warning: " + $0 } }
    let isOnCPU = try Device.chosen(first.policy.smolvla.device) == .cpu
    for index in jobs.indices {
      jobs[index].isOnCPU = isOnCPU
      jobs[index].stages = try stages(of: jobs[index])
    }
    try checkDisk(checkpointBytes)
  }

  func run(_ job: MatrixJob) -> MatrixRun { MatrixRun(root.appendingPathComponent(job.name)) }

  private func mirror(of run: URL) -> CheckpointMirror? {
    arms.first?.settings.checkpointMirror.map { CheckpointMirror(URL(fileURLWithPath: $0), of: run) }
  }

  private func stages(of job: MatrixJob) throws -> [MatrixJob.Stage] {
    let run = run(job)
    let output = "--output_dir=\(run.url.path)"
    var stages: [MatrixJob.Stage] = []
    if let step = run.checkpointStep, step >= steps {
      if run.isEvaluated {
        try run.checkEvaluation(evaluation.protocolEntries, tasks: evaluation.tasks)
        return []
      }
    } else if run.checkpointStep != nil || mirror(of: run.url)?.isThere == true {
      let mirror = arms.first?.settings.checkpointMirror.map { ["--checkpoint_mirror=\($0)"] } ?? []
      stages.append(.init("training", ["train", output, "--resume"] + mirror))
    } else {
      let flags = arms.first { $0.experiment == job.experiment }?.flags ?? []
      stages.append(.init("training", ["train", output, "--overwrite"] + flags + ["--seed=\(job.seed)"]))
    }
    let model = "\(run.url.path)/checkpoints/last/pretrained_model"
    let flags = ["eval", "--policy.path=\(model)", "--output_dir=\(run.url.path)/eval", "--overwrite"]
    return stages + [.init("evaluation", flags + evaluation.flags)]
  }
}
