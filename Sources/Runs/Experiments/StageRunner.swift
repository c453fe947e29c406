import Failures
import Foundation
import ModelFiles

/// A GPU or a slot of the CPU, which runs one stage at a time.
public struct ComputePlace: Sendable, Equatable, CustomStringConvertible {
  /// An index or UUID of the GPU, as its driver counts; or the slot's number.
  public let name: String
  public let isOnCPU: Bool

  public init(_ name: String, isOnCPU: Bool) { (self.name, self.isOnCPU) = (name, isOnCPU) }

  public var description: String { "\(isOnCPU ? "CPU slot" : "GPU") \(name)" }

  /// The variables that let a process see this GPU and no other.
  public var visibility: GPUVisibility { GPUVisibility(only: name) }
}

/// Runs the stages of an experiment as processes: those of one place one after another, different places side by side,
/// with one log for each subject.
public struct StageRunner {
  public enum Ending: Sendable, Equatable {
    case finished
    /// It was done before.
    case existed
    /// Why, in a few words.
    case failed(String)
    /// A stage that it needs did not succeed.
    case notStarted(need: String)
    /// The user stopped it, before or while it ran.
    case stopped

    public var isSuccess: Bool { self == .finished || self == .existed }
  }

  let executable: String
  let programName: String
  let root: URL
  let places: [ComputePlace]

  /// - Parameters:
  ///   - executable: the program that each stage runs.
  ///   - programName: its name in the logs.
  ///   - root: the experiment's folder.
  public init(executable: String, programName: String, root: URL, places: [ComputePlace]) {
    (self.executable, self.programName, self.root, self.places) = (executable, programName, root, places)
  }

  /// Runs all stages that are not done; one that fails stops only those that need it.
  ///
  /// - Parameters:
  ///   - interruption: the last signal and how many there were; each is passed on to the running processes, and nothing
  ///     starts after the first.
  ///   - tick: called many times a second with the stages that run and the new messages.
  /// - Returns: how each stage ended, in their order.
  public func run(
    _ stages: [Stage], interruption: () -> (signal: Int32, requests: Int)?,
    tick: (_ running: [String], _ messages: [String]) -> Void
  ) throws -> [Ending] {
    var work = Work(stages, self)
    try StageLog.prepare(root, for: stages)
    var passedOn = 0
    while true {
      work.reap()
      if let (signal, requests) = interruption(), passedOn < requests {
        passedOn = requests
        work.pass(signal)
      }
      work.start()
      tick(work.running.map { stages[$0.key].name }.sorted(), work.takeMessages())
      guard !work.running.isEmpty else { break }
      usleep(20_000)
    }
    return work.endings.map { $0 ?? .stopped }
  }
}

/// The stages while they run.
private struct Work {
  let stages: [Stage]
  let runner: StageRunner
  private let place: [String: Int]
  private let index: [String: Int]
  /// How each stage ended; nil while it has not.
  private(set) var endings: [StageRunner.Ending?]
  /// The processes by their stages' indices.
  private(set) var running: [Int: ChildProcess] = [:]
  private var messages: [String] = []
  private var isStopping = false

  init(_ stages: [Stage], _ runner: StageRunner) {
    (self.stages, self.runner) = (stages, runner)
    place = stages.places(runner.places.count)
    index = Dictionary(stages.enumerated().map { ($1.name, $0) }) { $1 }
    endings = stages.map { $0.isDone ? .existed : nil }
  }

  mutating func takeMessages() -> [String] {
    defer { messages = [] }
    return messages
  }

  /// Takes note of the processes that have ended.
  mutating func reap() {
    for (index, process) in running.sorted(by: { $0.key < $1.key }) {
      guard let end = process.endIfEnded() else { continue }
      running[index] = nil
      let stage = stages[index]
      let log = StageLog(of: stage, in: runner.root)
      switch end {
      case .exit(0):
        endings[index] = .finished
        messages.append("\(stage.subject): \(stage.kind) finished")
      case _ where isStopping: endings[index] = .stopped
      case .exit(let status): fail(index, log.error ?? "exit status \(status)")
      case .signal(let number): fail(index, "killed by signal \(number)")
      }
    }
  }

  /// Passes a signal on to every process; nothing starts after it.
  mutating func pass(_ signal: Int32) {
    isStopping = true
    for process in running.values { kill(process.identifier, signal) }
    messages.append("stopping \(running.count == 1 ? "1 process" : "\(running.count) processes"), which save first")
  }

  /// Starts what can start.
  mutating func start() {
    guard !isStopping else { return }
    for (index, stage) in stages.enumerated() where endings[index] == nil && running[index] == nil {
      if let need = stage.needs.first(where: { ending(of: $0).map { !$0.isSuccess } ?? false }) {
        endings[index] = .notStarted(need: need)
        messages.append("\(stage.subject): \(stage.kind) is not started, because \(need) did not succeed")
      }
      let isReady = (stage.needs + stage.follows).allSatisfy { ending(of: $0) != nil }
      guard endings[index] == nil, isReady, let number = place[stage.subject],
        !running.keys.contains(where: { place[stages[$0].subject] == number })
      else { continue }
      do {
        let process = try launch(stage, runner.places[number])
        running[index] = process
        messages.append(
          "\(stage.subject): \(stage.kind) on \(runner.places[number]), process \(process.identifier)")
      } catch { fail(index, message(of: error)) }
    }
  }

  /// How a stage ended; nil while it has not, and a success if it is not part of this work.
  private func ending(of name: String) -> StageRunner.Ending? { index[name].map { endings[$0] } ?? .existed }

  private mutating func fail(_ index: Int, _ reason: String) {
    let log = StageLog(of: stages[index], in: runner.root)
    if log.error == nil { try? log.write(error: reason) }
    endings[index] = .failed(reason)
    messages.append("\(stages[index].subject): \(stages[index].kind) failed: \(reason); see \(log.url.path)")
  }

  private func launch(_ stage: Stage, _ place: ComputePlace) throws -> ChildProcess {
    let log = StageLog(of: stage, in: runner.root)
    let arguments = stage.commandLine
    let words = ([runner.programName] + arguments).map(shellQuoted).joined(separator: " ")
    let handle = try log.open(title: "\(place.visibility) \(words)")
    var variables = ProcessInfo.processInfo.environment
    variables[StageLog.errorFileVariable] = log.errorFile.path
    for (name, value) in place.visibility.variables { variables[name] = value }
    return try ChildProcess(runner.executable, arguments, environment: variables, log: handle.fileDescriptor)
  }
}
