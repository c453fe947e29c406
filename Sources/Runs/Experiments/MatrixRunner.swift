import Dispatch
import Failures
import Foundation
import ModelFiles
import Synchronization

/// Runs the matrix's jobs as processes: those of one GPU one after another, different GPUs side by side, one log each.
public struct MatrixRunner: Sendable {
  public enum Ending: Sendable, Equatable {
    /// All its stages succeeded.
    case finished
    /// Everything existed already.
    case skipped
    /// A stage failed; why, in a few words.
    case failed(stage: String, reason: String)
    /// The user stopped it, before or in a stage.
    case stopped
  }

  /// The environment variable that names the file to which a stage writes its error message.
  public static let errorFileVariable = "LEROBOT_WM_ERROR_FILE"

  let executable: String
  let programName: String
  let root: URL

  /// - Parameters:
  ///   - executable: the program that each stage runs.
  ///   - programName: its name in the logs.
  ///   - root: the matrix's folder; logs go to `logs/NAME_seedS.log` in it.
  public init(executable: String, programName: String, root: URL) {
    self.executable = executable
    self.programName = programName
    self.root = root
  }

  public func log(of job: MatrixJob) -> URL { root.appendingPathComponent("logs/\(job.name).log") }

  private func errorFile(of job: MatrixJob) -> URL { root.appendingPathComponent("logs/\(job.name).error") }

  /// Runs all jobs; one that fails does not stop the others.
  ///
  /// - Parameters:
  ///   - interruption: the last signal and how many there were; each is passed on to the running processes, and nothing starts
  ///     after the first.
  ///   - tick: called several times a second with the running jobs and the new messages.
  /// - Returns: how each job ended, in their order.
  public func run(
    _ jobs: [MatrixJob], interruption: () -> (signal: Int32, requests: Int)?,
    tick: (_ running: [String], _ messages: [String]) -> Void
  ) throws -> [Ending] {
    try FileManager.default.createDirectory(at: root.appendingPathComponent("logs"), withIntermediateDirectories: true)
    let tracker = JobTracker(Array(repeating: .skipped, count: jobs.count))
    let jobsByGPU = Dictionary(grouping: jobs.indices.filter { !jobs[$0].stages.isEmpty }, by: { jobs[$0].gpu })
    let finished = DispatchGroup()
    for indices in jobsByGPU.values {
      finished.enter()
      Thread.detachNewThread {
        for index in indices { tracker.end(index, run(jobs[index], tracker)) }
        finished.leave()
      }
    }
    var requestsPassedOn = 0
    while finished.wait(timeout: .now() + .milliseconds(100)) == .timedOut {
      if let (signal, requests) = interruption(), requestsPassedOn < requests {
        requestsPassedOn = requests
        tracker.pass(signal)
      }
      tick(tracker.runningJobs, tracker.takeMessages())
    }
    tick([], tracker.takeMessages())
    return tracker.endings
  }

  private func run(_ job: MatrixJob, _ tracker: JobTracker) -> Ending {
    for stage in job.stages {
      let end: ChildProcess.End
      do {
        guard let process = try tracker.begin(job, stage, { try start(job, stage) }) else { return .stopped }
        process.waitForEnd()
        end = tracker.reap(process)
      } catch { return failure(job, stage, message(of: error), tracker) }
      switch end {
      case .exit(0): tracker.say("\(job.name): \(stage.name) finished")
      case _ where tracker.isStopping: return .stopped
      case .exit(let status): return failure(job, stage, takeErrorMessage(job) ?? "exit status \(status)", tracker)
      case .signal(let number): return failure(job, stage, "killed by signal \(number)", tracker)
      }
    }
    return .finished
  }

  private func failure(_ job: MatrixJob, _ stage: MatrixJob.Stage, _ reason: String, _ tracker: JobTracker) -> Ending {
    tracker.say("\(job.name): \(stage.name) failed: \(reason); see \(log(of: job).path)")
    return .failed(stage: stage.name, reason: reason)
  }

  private func start(_ job: MatrixJob, _ stage: MatrixJob.Stage) throws -> ChildProcess {
    let path = log(of: job).path
    let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw Failure("\(path) could not be written: \(String(cString: strerror(errno)))")
    }
    let handle = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    let words = stage.arguments.map { $0.contains(where: \.isWhitespace) ? "'\($0)'" : $0 }.joined(separator: " ")
    let line = "== \(Date().ISO8601Format()) \(job.visibility) \(programName) \(words)\n"
    try handle.write(contentsOf: Data(line.utf8))
    _ = takeErrorMessage(job)
    var variables = ProcessInfo.processInfo.environment
    variables[Self.errorFileVariable] = errorFile(of: job).path
    for (name, value) in job.visibility.variables { variables[name] = value }
    return try ChildProcess(executable, stage.arguments, environment: variables, log: file)
  }

  /// The error message that the job's last process wrote, if any; removes the file.
  private func takeErrorMessage(_ job: MatrixJob) -> String? {
    defer { try? FileManager.default.removeItem(at: errorFile(of: job)) }
    return try? String(contentsOf: errorFile(of: job), encoding: .utf8)
  }
}

/// The end of a file as text; nil if it cannot be read.
func tail(of url: URL, bytes: UInt64) -> String? {
  guard let file = try? FileHandle(forReadingFrom: url), let size = try? file.seekToEnd() else { return nil }
  try? file.seek(toOffset: size > bytes ? size - bytes : 0)
  return (try? file.readToEnd()).map { String(decoding: $0, as: UTF8.self) }
}

/// The state of all jobs, shared by the threads of the GPUs.
private final class JobTracker: Sendable {
  private struct State: Sendable {
    var endings: [MatrixRunner.Ending]
    var processes: [pid_t: String] = [:]
    var messages: [String] = []
    var isStopping = false
  }

  private let state: Mutex<State>

  init(_ endings: [MatrixRunner.Ending]) { state = Mutex(State(endings: endings)) }

  var endings: [MatrixRunner.Ending] { state.withLock { $0.endings } }
  var runningJobs: [String] { state.withLock { $0.processes.values.sorted() } }
  var isStopping: Bool { state.withLock { $0.isStopping } }

  func end(_ index: Int, _ ending: MatrixRunner.Ending) { state.withLock { $0.endings[index] = ending } }

  func say(_ line: String) { state.withLock { $0.messages.append(line) } }

  func takeMessages() -> [String] {
    state.withLock { state in
      defer { state.messages = [] }
      return state.messages
    }
  }

  /// Starts a process, or returns nil if all jobs are stopping.
  func begin(_ job: MatrixJob, _ stage: MatrixJob.Stage, _ start: () throws -> ChildProcess) throws -> ChildProcess? {
    try state.withLock { state in
      guard !state.isStopping else { return nil }
      let process = try start()
      state.processes[process.identifier] = "\(job.name) \(stage.name)"
      state.messages.append("\(job.name): \(stage.name) on \(job.place), process \(process.identifier)")
      return process
    }
  }

  /// How a process ended; it gets no more signals, because its identifier is free.
  func reap(_ process: ChildProcess) -> ChildProcess.End {
    state.withLock {
      $0.processes[process.identifier] = nil
      return process.end()
    }
  }

  /// Passes a signal on to every running process; nothing starts after it.
  func pass(_ signal: Int32) {
    state.withLock {
      $0.isStopping = true
      for identifier in $0.processes.keys { kill(identifier, signal) }
      $0.messages.append("stopping \($0.processes.count) processes; they save first")
    }
  }
}
