import PolicyTraining
import TerminalOutput

/// What a training run shows on the terminal; used by one thread.
final class TrainingDisplay {
  private let steps: Int
  private let profile: Profile?
  private var training: ProgressBar?
  private var heldOut: ProgressBar?

  init(steps: Int, _ profile: Profile?) { (self.steps, self.profile) = (steps, profile) }

  func show(_ event: TrainingEvent) {
    heldOut?.finish()
    heldOut = nil
    switch event {
    case .began(let step): training = ProgressBar("training", total: steps, first: step)
    case .updated(let step):
      training?.update(step)
      if let line = profile?.stepDone() { say(line) }
    case .logged(let line), .warning(let line): say(FlagTranslation.translated(line))
    case .saved(let checkpoint): say("saved \(checkpoint.path)")
    case .removed: break
    case .evaluating: training?.pause()
    case .ended: training?.finish()
    }
  }

  /// Prints a line of its own above what is shown.
  func say(_ line: String) { training?.say(line) }

  /// Shows how many batches of the held-out loss are done, 0 first; meanwhile the time of training does not run.
  func showHeldOut(_ done: Int, of total: Int) {
    guard done > 0 else {
      training?.pause()
      heldOut = ProgressBar("held-out loss", total: total, unit: .named("batches"))
      return
    }
    heldOut?.update(done)
    if done == total { heldOut?.finish() }
  }
}
