import Foundation
import ModelFiles
import Testing

@testable import Experiments

struct MatrixStatusTests {
  /// An experiment of E0 and E2 whose training is of 1200 steps and whose evaluations are of 40 episodes.
  private func started(_ body: (FixtureMatrix, [Stage]) throws -> Void) throws {
    let matrix = try FixtureMatrix(empty: ())
    try matrix.write("", "logs/none")
    let stages = ["E0_seed0", "E2_seed0"].flatMap { run -> [Stage] in
      let folder = matrix(run)
      return [
        Stage(
          .training, of: run, ["train"], product: folder.appendingPathComponent("checkpoints/last"), work: 1200,
          isDone: false),
        Stage(
          .evaluation, of: run, ["eval"], needs: ["\(run) training"],
          product: folder.appendingPathComponent("eval/eval_info.json"), work: 40, isDone: false),
      ]
    }
    try StagePlan.write(stages, below: matrix.root)
    try body(matrix, stages)
  }

  private func states(_ matrix: FixtureMatrix) throws -> [MatrixStatus.State] {
    try MatrixStatus(matrix.root).subjects.map(\.state)
  }

  /// What `train` leaves of a run that is trained to its end.
  private func train(_ matrix: FixtureMatrix, _ experiment: String) throws {
    try matrix.run(experiment, seed: 0)
    let folder = matrix("\(experiment)_seed0/checkpoints")
    try FileManager.default.moveItem(
      at: folder.appendingPathComponent("last"), to: folder.appendingPathComponent("001200"))
    try FileManager.default.createSymbolicLink(
      atPath: folder.appendingPathComponent("last").path, withDestinationPath: "001200")
  }

  @Test func `goes from not started over stopped and failed to finished`() throws {
    try started { matrix, stages in
      #expect(try states(matrix) == [.notStarted, .notStarted])
      // A killed run has logged steps and has no checkpoint.
      try matrix.run("E0", seed: 0, steps: 600)
      #expect(try states(matrix) == [.stopped(.training), .notStarted])
      let lines = try MatrixStatus(matrix.root).lines
      #expect(lines[1].contains("600/1200") && lines[1].contains("stopped or killed at step 600"), "\(lines)")
      // 600 and 1200 steps of a fifth of a second, give or take.
      #expect(
        lines.last?.contains("1800 steps of training, 80 episodes of evaluation; at least 6:") == true, "\(lines)")

      try train(matrix, "E0")
      #expect(try states(matrix)[0] == .stopped(.evaluation))
      try StageLog(of: stages[1], in: matrix.root).write(error: "no space left")
      #expect(try states(matrix)[0] == .failed(.evaluation, "no space left"))
      // What an earlier evaluation left does not hide that the last one failed.
      try matrix.evaluation("E0_seed0/eval", matrix.outcomes(0.7, ["push_left"], 40, salt: "E0"))
      #expect(try states(matrix)[0] == .failed(.evaluation, "no space left"))
      let line = try MatrixStatus(matrix.root).lines[1]
      #expect(line.hasSuffix("evaluation failed: no space left; see logs/E0_seed0.log, and run the same command again"))
      try FileManager.default.removeItem(at: StageLog(of: stages[1], in: matrix.root).errorFile)
      #expect(try states(matrix)[0] == .finished)
      try matrix.set("E0_seed0/eval/eval_info.json", ["outcomes_sha256"], to: "0123")
      #expect(try states(matrix)[0] == .edited(.evaluation))
      #expect(try MatrixStatus(matrix.root).lines[1].contains("evaluation was edited after it ended"))
    }
  }

  @Test func `tells a run that is at work by the lock on its log`() throws {
    try started { matrix, stages in
      let handle = try StageLog(of: stages[2], in: matrix.root).open(title: "train")
      #expect(try states(matrix) == [.notStarted, .running(.training)])
      try handle.close()
      #expect(try states(matrix) == [.notStarted, .stopped(.training)])
    }
  }

  @Test func `estimates by a run's own rate, else by its arm's, else by any`() throws {
    try started { matrix, stages in
      #expect(RemainingWork(stages, in: matrix.root).seconds == 0)
      #expect(RemainingWork(stages, in: matrix.root).lacksRates)
      try matrix.write(#"{"step":200,"update_s":0.5,"dataloading_s":0.1}"# + "\n", "E0_seed0/metrics.jsonl")
      let work = RemainingWork(stages, in: matrix.root)
      #expect(abs(work.seconds - (1000 + 1200) * 0.6) < 1e-6 && work.lacksRates)
      // Side by side the longer one counts.
      #expect(abs(work.seconds(stages, places: 2) - 1200 * 0.6) < 1e-6)
      try matrix.write(
        #"{"overall":{"eval_ep_s":3},"per_task":[]}"#, "E2_seed0/eval/eval_info.json")
      let more = RemainingWork(stages, in: matrix.root)
      #expect(!more.lacksRates && abs(more.seconds - 2200 * 0.6 - 80 * 3) < 1e-6)
    }
  }

  @Test func `counts the episodes of an evaluation that runs`() throws {
    try started { matrix, stages in
      let lines = [
        "{}", #"{"success":true}"#, #"{"success":false,"problem":null}"#, #"{"success":false,"problem":"no device"}"#,
        #"{"succ"#,
      ]
      try matrix.write(lines.joined(separator: "\n"), "E0_seed0/eval/episodes.jsonl")
      #expect(StageProgress(stages[1], in: matrix.root).done == 2)
      #expect(MatrixRun(matrix("E0_seed0")).successText?.hasPrefix("50.0 %") == true)
    }
  }

  @Test func `refuses folders that hold no experiment, and a damaged plan`() throws {
    let matrix = try FixtureMatrix(empty: ())
    #expect(throws: (any Error).self) { try MatrixStatus(matrix.root) }
    for text in [
      #"{"stages":[{}]}"#, "[", #"{"stages":[{"kind":"training","subject":"../x","product":"a","work":1}]}"#,
    ] {
      try matrix.write(text, "stages.json")
      #expect(throws: (any Error).self) { try MatrixStatus(matrix.root) }
    }
  }
}
