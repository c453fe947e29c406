import Foundation
import ModelFiles
import Testing

/// Folders that are named without a flag, and commands that an error suggests.
struct PathArgumentTests {
  @Test func `a report is made of the folder that is named, also behind a switch`() throws {
    try ComparedRuns.within { folder in
      for arguments in [["out"], ["--overwrite", "out"], ["--runs=out"]] {
        let page = folder.appendingPathComponent("out/report.html")
        try? FileManager.default.removeItem(at: page)
        try Program.succeed(["report"] + arguments + ["--demo=true", "--overwrite"], in: folder)
        #expect(FileManager.default.fileExists(atPath: page.path), "\(arguments)")
      }
      let page = try String(contentsOf: folder.appendingPathComponent("out/report.html"), encoding: .utf8)
      #expect(page.contains("evaluate with --eval.planner=random into that folder"), "flags, not settings")
      let stray = try Program.run(["report", "out", "more"], in: folder)
      #expect(stray.status == 1 && stray.errors.contains("more"), "\(stray.errors)")
    }
  }

  @Test func `the precomputation that an error suggests runs as it is printed`() throws {
    try Fixture.within { folder in
      let missing =
        ["train", "--output_dir=run"] + Flags.train + Flags.world + ["--policy.cache_dir=new cache", "--steps=1"]
      let refused = try Program.run(missing, in: folder)
      let sentence = try #require(refused.sentences.last)
      let start = try #require(sentence.range(of: "run lerobot-wm-precompute")), end = sentence.range(of: ", or fix ")
      let command = sentence[start.lowerBound..<(try #require(end)).lowerBound].dropFirst("run ".count)
      let outcome = try Program.shell(String(command), in: folder).wait()
      #expect(outcome.status == 0, "\(command): \(outcome.errors)")
      try Program.succeed(missing, in: folder)
      // Damaged, it is made again by what the next error suggests.
      try ComparedRuns.flip(folder.appendingPathComponent("new cache/shapes/train_world_latents_vjepa_m2.fp16.npy"))
      let damaged = try Program.run(missing + ["--overwrite"], in: folder)
      let again = try #require(damaged.errors.range(of: "run lerobot-wm-precompute"))
      let line = damaged.errors[again.lowerBound...].dropFirst("run ".count).prefix { $0 != "\n" }
      #expect(try Program.shell(String(line), in: folder).wait().status == 0, "\(line)")
      try Program.succeed(missing + ["--overwrite"], in: folder)
    }
  }
}
