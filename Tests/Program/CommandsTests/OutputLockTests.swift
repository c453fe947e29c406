import Foundation
import ModelFiles
import Testing

/// Two processes on one output folder.
struct OutputLockTests {
  /// Starts a command that must be refused, and ends it if it is not.
  private func outcome(of command: [String], in folder: URL) throws -> Outcome {
    let running = try Program.start(command, in: folder)
    let deadline = Date().addingTimeInterval(60)
    while running.process.isRunning, Date() < deadline { usleep(20_000) }
    if running.process.isRunning { kill(running.process.processIdentifier, SIGKILL) }
    return running.wait()
  }

  /// Starts a long command, waits until it has left something, and kills it after `body`.
  private func during(
    _ command: [String], in folder: URL, until isBegun: () -> Bool, _ body: (_ holder: pid_t) throws -> Void
  ) throws {
    let first = try Program.start(command, in: folder)
    defer {
      kill(first.process.processIdentifier, SIGKILL)
      _ = first.wait()
    }
    let deadline = Date().addingTimeInterval(120)
    while first.process.isRunning, !isBegun(), Date() < deadline { usleep(20_000) }
    try #require(first.process.isRunning && isBegun(), "\(first.errorsSoFar)")
    try body(first.process.processIdentifier)
    #expect(first.process.isRunning, "\(first.errorsSoFar)")
  }

  @Test func `a run that is at work is neither resumed nor overwritten, and its lock goes with it`() throws {
    try Fixture.within { folder in
      let train = ["train", "--output_dir=run"] + Flags.train
      let resume = ["train", "--output_dir=run", "--resume"]
      let checkpoints = folder.appendingPathComponent("run/checkpoints")
      try during(
        train + ["--steps=100000", "--save_freq=20"], in: folder,
        until: { LastCheckpoint.folder(in: checkpoints) != nil }
      ) { holder in
        for command in [resume, train + ["--overwrite"]] {
          let refused = try outcome(of: command, in: folder)
          #expect(refused.status == 1 && refused.sentences.count == 1, "\(refused.errors)")
          #expect(refused.errors.contains("run is in use by process \(holder) (train of run)"), "\(refused.errors)")
        }
      }
      let step = try #require(LastCheckpoint.folder(in: checkpoints).flatMap(LastCheckpoint.step))
      try Program.succeed(resume + ["--steps=\(step + 1)"], in: folder)
      #expect(folder.appendingPathComponent("run").names() == ["checkpoints", "metrics.jsonl", "tensorboard"])
    }
  }

  @Test func `an evaluation that is at work is neither resumed nor overwritten, and its lock goes with it`() throws {
    try Fixture.within { folder in
      let evaluate = Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--output_dir=results/eval"]
      let long = evaluate + ["--eval.n_episodes=100000"]
      let log = folder.appendingPathComponent("results/eval/episodes.jsonl")
      func episodes() -> Int { ((try? String(contentsOf: log, encoding: .utf8)) ?? "").split(separator: "\n").count }
      try during(long, in: folder, until: { episodes() > 1 }) { holder in
        let ablate = ["ablate", "--ablations=garbled_instruction"] + long.dropFirst()
        for command in [long + ["--resume"], long + ["--overwrite"], long + ["--resume", "--overwrite"], ablate] {
          let refused = try outcome(of: command, in: folder)
          #expect(refused.status == 1 && refused.sentences.count == 1, "\(refused.errors)")
          #expect(refused.errors.contains("eval is in use by process \(holder) (eval of eval)"), "\(refused.errors)")
        }
      }
      try Program.succeed(evaluate + ["--overwrite"], in: folder)
      #expect(folder.appendingPathComponent("results/eval").names() == ["episodes.jsonl", "eval_info.json"])
    }
  }
}
