import Failures
import Foundation

/// A process that this one started, in a process group of its own: Ctrl-C in the terminal reaches only the parent, which
/// passes it on once.
struct ChildProcess: Sendable {
  enum End: Sendable, Equatable {
    case exit(Int32)
    case signal(Int32)
  }

  let identifier: pid_t

  /// Starts a program whose output and errors go to an open file.
  ///
  /// - Parameter environment: the process's whole environment.
  init(_ executable: String, _ arguments: [String], environment: [String: String], log: Int32) throws {
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    // The parent ignores these signals to handle them itself; a child must not inherit that.
    var signals = sigset_t()
    sigemptyset(&signals)
    posix_spawnattr_setsigmask(&attributes, &signals)
    for number in [SIGINT, SIGTERM, SIGHUP] { sigaddset(&signals, number) }
    posix_spawnattr_setsigdefault(&attributes, &signals)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))

    var files = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&files)
    defer { posix_spawn_file_actions_destroy(&files) }
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&files, log, 1)
    posix_spawn_file_actions_adddup2(&files, log, 2)

    let words = ([executable] + arguments).map { strdup($0) }
    let variables = environment.sorted { $0.key < $1.key }.map { strdup("\($0.key)=\($0.value)") }
    defer { (words + variables).forEach { free($0) } }
    var identifier = pid_t()
    let failure = posix_spawn(&identifier, executable, &files, &attributes, words + [nil], variables + [nil])
    guard failure == 0 else {
      throw Failure("\(executable) could not be started: \(String(cString: strerror(failure)))")
    }
    self.identifier = identifier
  }

  /// How the process ended, or nil while it runs; ask no more once it has ended, because its identifier is free then.
  func endIfEnded() -> End? {
    var status: Int32 = 0
    guard waitpid(identifier, &status, WNOHANG) == identifier else { return nil }
    let signal = status & 0x7F
    return signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
  }
}
