import TerminalOutput

/// Does work that can be resumed, with a progress bar, until it is done or a signal comes.
///
/// - Parameters:
///   - profile: records the work; a step of it is a report.
///   - work: is given what to call with the number of finished parts; that call throws once a signal has come.
/// - Returns: the exit status of a command that a signal stopped; nil if the work is done.
func doResumably(
  _ name: String, total: Int, _ profile: Profile?, _ work: (_ report: (Int) throws -> Void) throws -> Void
) throws -> Int32? {
  struct Stopped: Error {}
  let progress = ProgressBar(name, total: total)
  let interruption = Interruption()
  try profile?.start()
  defer { if let line = profile?.finish() { say(line) } }
  do {
    try work { done in
      progress.update(done)
      // The first report may be that nothing is done yet.
      if done > 0, let line = profile?.stepDone() { progress.say(line) }
      if interruption.signalNumber != nil { throw Stopped() }
    }
  } catch is Stopped {
    progress.finish()
    say("stopped; run the same command to resume")
    return 128 + (interruption.signalNumber ?? 2)
  }
  progress.finish()
  return nil
}
