import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// The stages of an experiment that are with Slurm.
///
/// Each submission has a number. `slurm/NUMBER-KIND.json` names its stages and, once it is submitted, its job; the queue
/// is asked by job names, so that a submission whose answer was lost is found again.
public struct SlurmQueue: Sendable {
  /// Where a stage is in the queue.
  struct Entry: Sendable, Equatable {
    let job: Int
    /// Its index in the job's array.
    let index: Int
    let isRunning: Bool
  }

  /// Waiting and running stages by their names.
  let entries: [String: Entry]

  private let root: URL

  /// Asks the queue for the jobs of the experiment in `root`; nothing is asked if it never submitted one.
  ///
  /// - Throws: if the queue does not answer, because submitting twice would run a stage twice.
  public init(_ root: URL) throws {
    self.root = root
    let submissions = try Self.submissions(root)
    guard !submissions.isEmpty else {
      entries = [:]
      return
    }
    let answer = try outputOfCommand(
      "squeue",
      [
        "--noheader", "--array", "--format=%j|%F|%K|%T", "--name=\(submissions.keys.joined(separator: ","))",
      ])
    var entries: [String: Entry] = [:]
    for line in answer.split(separator: "\n") {
      let fields = line.trimmingCharacters(in: .whitespaces).split(separator: "|").map(String.init)
      guard fields.count == 4, let stages = submissions[fields[0]], let job = Int(fields[1]),
        let index = Int(fields[2]),
        let stage = stages[index]
      else { continue }
      entries[stage] = Entry(job: job, index: index, isRunning: fields[3] != "PENDING")
    }
    self.entries = entries
  }

  /// Whether no stage of the experiment waits or runs.
  public var isEmpty: Bool { entries.isEmpty }

  private static func folder(_ root: URL) -> URL { root.appendingPathComponent("slurm") }

  /// The names of submitted jobs, each with its stages by their indices.
  private static func submissions(_ root: URL) throws -> OrderedDictionary<String, [Int: String]> {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder(root).path)) ?? []
    var submissions: OrderedDictionary<String, [Int: String]> = [:]
    for name in names.sorted() where name.hasSuffix(".json") {
      let file = folder(root).appendingPathComponent(name)
      let json = try JSON(contentsOf: file)
      guard let job = json["job_name"]?.string, let stages = json["stages"]?.object else {
        throw Failure("\(file.path) is damaged; restore it, or cancel its job and delete it")
      }
      submissions[job] = Dictionary(
        stages.compactMap { key, value in Int(key).flatMap { index in value.string.map { (index, $0) } } }
      ) { $1 }
    }
    return submissions
  }
}

/// Submits the stages of an experiment to Slurm.
public struct SlurmScheduler: Sendable {
  let executable: String
  let programName: String
  let root: URL
  /// The user's options of a submission, for stages that use a GPU and for the others.
  let options: [String], otherOptions: [String]

  public init(executable: String, programName: String, root: URL, options: [String], otherOptions: [String]) {
    (self.executable, self.programName, self.root) = (executable, programName, root)
    (self.options, self.otherOptions) = (options, otherOptions)
  }

  /// Submits every stage that is neither done nor in the queue.
  ///
  /// - Parameter submitted: called after each submission with a line about it.
  public func submit(_ stages: [Stage], queue: SlurmQueue, submitted: (String) -> Void) throws {
    try StageLog.prepare(root, for: stages)
    let subjects = Array(OrderedSet(stages.map(\.subject)))
    var jobs = queue.entries
    var isSubmitting = false
    for kind in Stage.Kind.allCases {
      // A report that waits already knows nothing of what is submitted now.
      let open = stages.filter {
        $0.kind == kind && !$0.isDone && (jobs[$0.name] == nil || (kind == .report && isSubmitting))
      }
      let groups = OrderedDictionary(grouping: open) { dependencies(of: $0, subjects, jobs) }
      for (dependencies, group) in groups {
        let number = try nextNumber()
        let script = SlurmScript(
          name: "\(programName)-\(number)-\(kind.rawValue)-\(sha256(of: root.path).prefix(8))",
          stages: OrderedDictionary(group.map { (subjects.firstIndex(of: $0.subject) ?? 0, $0) }) { $1 },
          dependencies: dependencies)
        let job = try submit(script, "\(number)-\(kind.rawValue)", kind.usesGPU ? options : otherOptions)
        for (index, stage) in script.stages { jobs[stage.name] = .init(job: job, index: index, isRunning: false) }
        isSubmitting = true
        let waits = dependencies.isEmpty ? "" : ", \(dependencies.joined(separator: ", "))"
        submitted("job \(job): \(kind.rawValue) of \(group.map(\.subject).joined(separator: ", "))\(waits)")
      }
    }
  }

  /// What a stage waits for: the tasks of its own subject, other stages that must succeed, and those that must end.
  private func dependencies(
    of stage: Stage, _ subjects: [String], _ jobs: [String: SlurmQueue.Entry]
  ) -> [String] {
    let index = subjects.firstIndex(of: stage.subject)
    let needs = stage.needs.compactMap { jobs[$0] }.map { need in
      // Jobs of an earlier start may count the subjects otherwise.
      need.index == index ? "aftercorr:\(need.job)" : "afterok:\(need.job)_\(need.index)"
    }
    let ends = Set(stage.follows.compactMap { jobs[$0]?.job }).sorted().map(String.init)
    return Array(OrderedSet(needs)) + (ends.isEmpty ? [] : ["afterany:" + ends.joined(separator: ":")])
  }

  private func nextNumber() throws -> Int {
    let folder = root.appendingPathComponent("slurm")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return (names.compactMap { Int($0.prefix { $0 != "-" }) }.max() ?? 0) + 1
  }

  /// Submits a script; returns its job.
  private func submit(_ script: SlurmScript, _ name: String, _ options: [String]) throws -> Int {
    let file = root.appendingPathComponent("slurm/\(name).sh")
    let arguments =
      script.options(root: root, workingDirectory: FileManager.default.currentDirectoryPath) + options + [file.path]
    try AtomicFile.write(
      Array(script.text(executable: executable, programName: programName, root: root).utf8), to: file, overwrite: true)
    // Written before the job exists, so that no job is without a record.
    let record = root.appendingPathComponent("slurm/\(name).json")
    var entry: OrderedDictionary<String, JSON> = [
      "job_name": .string(script.name), "job": .null,
      "stages": .object(
        OrderedDictionary(uniqueKeysWithValues: script.stages.map { (String($0), .string($1.name)) })),
      "command_line": .array((["sbatch"] + arguments).map(JSON.string)),
    ]
    try JSON.object(entry).write(to: record, layout: .indented(2), overwrite: true)
    let answer = try outputOfCommand("sbatch", arguments)
    guard let job = Int(answer.trimmingCharacters(in: .whitespacesAndNewlines).prefix { $0 != ";" }) else {
      throw Failure("sbatch answered \"\(answer.prefix(80))\" in place of a job's number; see \(file.path)")
    }
    entry["job"] = .integer(job)
    try JSON.object(entry).write(to: record, layout: .indented(2), overwrite: true)
    return job
  }
}

/// What a command prints.
///
/// - Throws: if it cannot be started or fails, with its own words.
private func outputOfCommand(_ name: String, _ arguments: [String]) throws -> String {
  let process = Process()
  process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
  process.arguments = [name] + arguments
  let (output, errors) = (Pipe(), FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString))
  defer { try? FileManager.default.removeItem(at: errors) }
  try Data().write(to: errors)
  process.standardOutput = output
  process.standardError = try FileHandle(forWritingTo: errors)
  process.standardInput = FileHandle.nullDevice
  try process.run()
  let answer = output.fileHandleForReading.readDataToEndOfFile()
  process.waitUntilExit()
  guard process.terminationStatus == 0 else {
    let reason = ((try? String(contentsOf: errors, encoding: .utf8)) ?? "").split(separator: "\n").last.map(String.init)
    throw Failure(
      "\(name) failed: \(reason ?? "exit status \(process.terminationStatus)"); it is part of Slurm's commands, which "
        + "must be installed and reach their controller")
  }
  return String(decoding: answer, as: UTF8.self)
}
