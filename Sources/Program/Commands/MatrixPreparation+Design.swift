import Experiments
import Failures
import Foundation

extension MatrixPreparation {
  /// What `--dry_run` prints: the stages, what the experiment can find, and how long it takes.
  func design(_ settings: MatrixSettings) -> [String] {
    let design = ExperimentDesign(
      seeds: settings.seedNumbers.count, tasks: evaluation.tasks.count, episodesPerTask: evaluation.episodesPerTask)
    let power = design.lines(
      baseline: settings.assumedSuccess / 100, deviation: settings.assumedSeedDeviation / 100, root: root)
    return stages.bySubject(scheduler: settings.scheduler, places: places) + power + durations
  }

  /// The time of what remains, by the rates that this matrix's runs have logged.
  private var durations: [String] {
    let work = RemainingWork(stages, in: root)
    let lines = work.parts.map { part -> String in
      let time =
        part.seconds.map { seconds in
          String(format: "%.3f s each, %.1f GPU hours", seconds / Double(part.units), seconds / 3600)
        } ?? "how long they take is known once a run has logged it"
      return "\(part.kind): \(counted(part.units, part.unit)) to do in \(counted(part.stages, "stage")); \(time)"
    }
    guard work.seconds > 0 else { return lines }
    let wall = work.seconds(stages, places: places.count)
    return lines + [
      String(
        format: "all: %@%.1f GPU hours, %.1f hours on %d of them", work.lacksRates ? "at least " : "",
        work.seconds / 3600, wall / 3600, places.count)
    ]
  }
}

extension [Stage] {
  /// A line for each subject: what remains of it, and where.
  fileprivate func bySubject(scheduler: Scheduler, places: [ComputePlace]) -> [String] {
    let numbers = self.places(places.count)
    var subjects: [String] = []
    for stage in self where !subjects.contains(stage.subject) { subjects.append(stage.subject) }
    return subjects.map { subject in
      let open = filter { $0.subject == subject && !$0.isDone }
      let place = scheduler == .slurm ? "with Slurm" : "on \(places[numbers[subject] ?? 0])"
      let text = open.map(\.kind.rawValue).joined(separator: ", then ")
      let needs = open.flatMap(\.needs).filter { need in
        !open.contains { $0.name == need } && contains { $0.name == need && !$0.isDone }
      }
      let after = needs.isEmpty ? "" : ", after \(needs.joined(separator: ", "))"
      return "\(subject): \(open.isEmpty ? "finished" : "\(text) \(place)\(after)")"
    }
  }
}
