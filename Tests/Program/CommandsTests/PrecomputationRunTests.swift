import Foundation
import Testing

struct PrecomputationRunTests {
  private static let flags = Flags.precompute + ["--batch_size=1"]
  private static let name = "shapes/train_world_latents_vjepa_m2.fp16.npy"

  @Test func `ends with how far it came, and says of a finished cache that it is complete`() throws {
    try Fixture.within { folder in
      let encode = Self.flags + ["--cache_dir=new"]
      let lines = try Program.succeed(encode, in: folder).errors.split(separator: "\n").filter {
        $0.hasPrefix("encoding: ")
      }
      let counts = try #require(lines.last).dropFirst("encoding: ".count).prefix { $0 != "," }.split(separator: "/")
      #expect(counts.count == 2 && counts[0] == counts[1], "\(lines)")
      let again = try Program.run(encode, in: folder)
      #expect(again.status == 1 && again.sentences.count == 1)
      #expect(again.errors.contains("is complete; train with it, or encode it again with --overwrite"))
      try Program.succeed(encode + ["--overwrite"], in: folder)
    }
  }

  @Test(arguments: [SIGKILL, SIGTERM]) func `continues where it was stopped, to the same bytes`(signal: Int32) throws {
    try Fixture.within { folder in
      try Program.succeed(Self.flags + ["--cache_dir=whole"], in: folder)
      let whole = try folder.appendingPathComponent("whole/\(Self.name)").bytes()
      // A run may be over before the signal reaches it; then another is stopped.
      for attempt in 0..<10 {
        let cache = "cache\(attempt)"
        let run = try Program.start(Self.flags + ["--cache_dir=\(cache)"], in: folder)
        let file = folder.appendingPathComponent("\(cache)/\(Self.name)")
        let record = file.path + ".json.partial"
        while run.process.isRunning, !FileManager.default.fileExists(atPath: record) { usleep(500) }
        usleep(10_000)
        kill(run.process.processIdentifier, signal)
        let outcome = run.wait()
        if outcome.status == 0 { continue }
        #expect(outcome.status == (signal == SIGKILL ? -SIGKILL : 128 + SIGTERM))
        #expect(!FileManager.default.fileExists(atPath: file.path))
        // Nothing trains on half a cache.
        let training = try Program.run(
          ["train", "--output_dir=out"] + Flags.train + Flags.world + ["--policy.cache_dir=\(cache)"], in: folder)
        #expect(training.status == 1 && training.errors.contains("is not finished"), "\(training.errors)")
        // Nor does another precomputation continue with it.
        let other = try Program.run(Self.flags + ["--cache_dir=\(cache)", "--dtype=bfloat16"], in: folder)
        #expect(other.status == 1 && other.errors.contains("dtype float32, not bfloat16"), "\(other.errors)")
        try Program.succeed(Self.flags + ["--cache_dir=\(cache)"], in: folder)
        #expect(try file.bytes() == whole)
        #expect(try Data(contentsOf: URL(fileURLWithPath: file.path + ".json")).isEmpty == false)
        return
      }
      Issue.record("every run was over before the signal")
    }
  }
}
