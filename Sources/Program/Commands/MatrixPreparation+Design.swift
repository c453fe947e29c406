import Experiments
import Foundation

extension MatrixPreparation {
  /// What `--dry_run` prints: the jobs, what the experiment can find, and how long it takes.
  func design(_ settings: MatrixCommand.Settings) -> [String] {
    let jobLines = jobs.map { job in
      let stages = job.stages.map(\.name).joined(separator: ", then ")
      return "\(job.name): \(stages.isEmpty ? "finished" : stages) on \(job.isOnCPU ? "CPU slot" : "GPU") \(job.gpu)"
    }
    let design = ExperimentDesign(
      seeds: settings.seedNumbers.count, tasks: evaluation.tasks.count, episodesPerTask: evaluation.episodesPerTask)
    let power = design.lines(
      baseline: settings.assumedSuccess / 100, deviation: settings.assumedSeedDeviation / 100, root: root)
    return jobLines + power + [duration(gpus: settings.gpuNames.count)]
  }

  /// The time of the training that remains, by the rate that a run of this matrix has logged.
  private func duration(gpus: Int) -> String {
    let runs = jobs.map(run)
    let remaining = runs.reduce(0) { $0 + steps - min($1.loggedStep, steps) }
    guard let seconds = runs.lazy.compactMap(\.secondsPerStep).first else {
      return "training: \(remaining) steps remain; how long they take is known once a run has logged a line"
    }
    let hours = Double(remaining) * seconds / 3600
    return String(
      format: "training: %d steps of %.3f s remain, %.1f GPU hours, %.1f hours on %d", remaining, seconds, hours,
      hours / Double(gpus), gpus)
  }
}
