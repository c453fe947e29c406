import Failures
import Foundation
import Testing

@testable import Experiments

struct StageTests {
  private static func stage(
    _ kind: Stage.Kind, _ subject: String, _ script: String = "true", needs: [String] = [], follows: [String] = [],
    isDone: Bool = false
  ) -> Stage {
    Stage(
      kind, of: subject, ["-c", script], needs: needs, follows: follows, product: URL(fileURLWithPath: "/nowhere"),
      isDone: isDone)
  }

  @Test func `go over the places in turn, caches and runs by themselves`() {
    let subjects = ["E0_seed0", "E1_seed0", "E2_seed0", "E0_seed7"]
    let stages =
      [Self.stage(.latents, "latents_m4"), Self.stage(.latents, "latents_m4_wrist")]
      + subjects.flatMap { [Self.stage(.training, $0), Self.stage(.evaluation, $0)] }
    let places = stages.places(2)
    #expect(subjects.map { places[$0] } == [0, 1, 0, 1])
    #expect(["latents_m4", "latents_m4_wrist"].map { places[$0] } == [0, 1])
  }

  @Test(arguments: [(false, "GPU 3"), (true, "CPU slot 3")])
  func `name the GPU or the CPU slot that they run on`(isOnCPU: Bool, text: String) {
    #expect(ComputePlace("3", isOnCPU: isOnCPU).description == text)
  }

  /// ROCm renumbers the GPUs that ROCR_VISIBLE_DEVICES leaves, and HIP counts those.
  @Test(arguments: ["3", "GPU-4b2c1a9f8d3e6f7a"]) func `see one GPU, under ROCm and CUDA`(gpu: String) {
    let variables = Dictionary(
      uniqueKeysWithValues: ComputePlace(gpu, isOnCPU: false).visibility.variables.map { ($0.name, $0.value) })
    #expect(
      variables == ["ROCR_VISIBLE_DEVICES": gpu, "HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": gpu])
  }

  /// Runs stages whose program is a shell; `stages` is given the file to which they write lines.
  private func run(
    places: Int, stoppedAfter: Int? = nil, _ stages: (_ order: String) -> [Stage]
  ) throws -> (endings: [StageRunner.Ending], lines: [String], root: URL) {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("wm-stages-\(UUID().uuidString)")
    let order = root.appendingPathComponent("order")
    let runner = StageRunner(
      executable: "/bin/sh", programName: "sh", root: root,
      places: (0..<places).map { ComputePlace("\($0)", isOnCPU: true) })
    var ticks = 0
    let endings = try runner.run(
      stages(order.path), interruption: { stoppedAfter.flatMap { ticks > $0 ? (SIGTERM, 1) : nil } },
      tick: { _, _ in ticks += 1 })
    let lines = ((try? String(contentsOf: order, encoding: .utf8)) ?? "").split(separator: "\n").map(String.init)
    return (endings, lines, root)
  }

  @Test(arguments: [1, 3]) func `run when what they need has succeeded and what they follow has ended`(
    places: Int
  ) throws {
    let (endings, lines, root) = try run(places: places) { order in
      func line(_ text: String) -> String { "echo \(text) >>\(order)" }
      return [
        Self.stage(.latents, "z", "sleep 0.2; \(line("z"))"),
        Self.stage(.training, "a", line("a"), needs: ["z latents"]),
        Self.stage(.evaluation, "a", line("a2"), needs: ["a training"]),
        Self.stage(.training, "b", "echo no >\"$LEROBOT_WM_ERROR_FILE\"; exit 3"),
        Self.stage(.evaluation, "b", line("b2"), needs: ["b training"]),
        Self.stage(.ablations, "b", line("b3"), needs: ["b evaluation"]),
        Self.stage(.training, "c", line("c"), isDone: true),
        Self.stage(.evaluation, "c", "kill -9 $$", needs: ["c training"]),
        Self.stage(
          .report, "report", line("report"),
          follows: ["a evaluation", "b evaluation", "b ablations", "c evaluation"]),
      ]
    }
    defer { try? FileManager.default.removeItem(at: root) }
    #expect(
      endings == [
        .finished, .finished, .finished, .failed("no"), .notStarted(need: "b training"),
        .notStarted(need: "b evaluation"), .existed, .failed("killed by signal 9"), .finished,
      ])
    #expect(lines == ["z", "a", "a2", "report"])
    // What failed is still there to be read.
    let failed = [Self.stage(.training, "b"), Self.stage(.evaluation, "c"), Self.stage(.evaluation, "b")]
    #expect(failed.map { StageLog(of: $0, in: root).error } == ["no", "killed by signal 9", nil])
    try StageLog.prepare(root, for: [Self.stage(.training, "b", isDone: true), failed[1]])
    #expect(failed.map { StageLog(of: $0, in: root).error } == [nil, "killed by signal 9", nil], "done by now")
  }

  @Test func `continue what a killed process left`() throws {
    let left = FileManager.default.temporaryDirectory.appendingPathComponent("wm-left-\(UUID().uuidString)")
    let stage = Stage(
      .training, of: "a", ["new"], continuation: .init(from: left, ["more"]), product: left, isDone: false)
    #expect(stage.commandLine == ["new"])
    try Data().write(to: left)
    defer { try? FileManager.default.removeItem(at: left) }
    #expect(stage.commandLine == ["more"])
  }

  @Test func `start nothing after a signal, which is passed on`() throws {
    let (endings, _, root) = try run(places: 1, stoppedAfter: 10) { _ in
      [
        Self.stage(.training, "a", "trap 'exit 143' TERM; while :; do sleep 0.05; done"), Self.stage(.training, "b"),
      ]
    }
    defer { try? FileManager.default.removeItem(at: root) }
    #expect(endings == [.stopped, .stopped])
  }

  @Test func `hold their log while they run, even without their launcher`() throws {
    let root = FileManager.default.temporaryDirectory.appendingPathComponent("wm-log-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: root) }
    let stage = Self.stage(.training, "a")
    try StageLog.prepare(root, for: [stage])
    let log = StageLog(of: stage, in: root)
    #expect(!log.isHeld)
    var handle: FileHandle? = try log.open(title: "a")
    let process = try ChildProcess("/bin/sleep", ["30"], environment: [:], log: try #require(handle).fileDescriptor)
    handle = nil
    #expect(log.isHeld && process.endIfEnded() == nil)
    kill(process.identifier, SIGKILL)
    while process.endIfEnded() == nil { usleep(1000) }
    #expect(!log.isHeld)
  }

  @Test(arguments: ["plain", "", "a b", "it's", "\"$HOME\"", "`id`", "$(id)", "a\nb", "é*?", "--flag=[\"a\",{}]", "\\"])
  func `quote a word as a shell reads it back`(word: String) throws {
    let process = Process(), pipe = Pipe()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", "printf %s \(shellQuoted(word))"]
    process.standardOutput = pipe
    try process.run()
    #expect(String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) == word)
  }

  @Test func `split a line of options as a shell does`() {
    #expect(
      words(ofLine: " --partition=gpu  --time=24:00:00 --comment='two words' --constraint=\"a&b\" '' ")
        == ["--partition=gpu", "--time=24:00:00", "--comment=two words", "--constraint=a&b", ""])
    #expect(words(ofLine: "  ").isEmpty)
  }
}
