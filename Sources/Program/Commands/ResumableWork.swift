import TerminalOutput

/// Does work that can be resumed, with a progress bar, until it is done or a signal comes.
///
/// - Parameter work: is given what to call with the number of finished parts; that call throws once a signal has come.
/// - Returns: the exit status of a command that a signal stopped; nil if the work is done.
func doResumably(
  _ name: String, total: Int, _ work: (_ report: (Int) throws -> Void) throws -> Void
) throws -> Int32? {
  struct Stopped: Error {}
  let progress = ProgressBar(name, total: total)
  let interruption = Interruption()
  do {
    try work { done in
      progress.update(done)
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
