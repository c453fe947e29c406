import Foundation
import ModelFiles
import Testing

/// What `--overwrite` may not remove.
struct OutputFolderTests {
  private static let model = "--policy.path=\(Flags.checkpoint)"
  private static let evaluate = Flags.evaluate + [model, "--overwrite"]
  private static let train = ["train", "--overwrite"] + Flags.train

  /// Commands whose output folder is or holds an input.
  @Test(arguments: [
    (evaluate + ["--output_dir=E0"], Flags.checkpoint),
    (evaluate + ["--output_dir=\(Flags.checkpoint)"], Flags.checkpoint),
    (evaluate + ["--output_dir=E0", "--resume"], Flags.checkpoint),
    (evaluate + ["--output_dir=linked/checkpoints"], Flags.checkpoint),
    (["train", "--overwrite", model, "--output_dir=E0"] + Flags.data, Flags.checkpoint),
    (train + ["--output_dir=data"], "data"), (train + ["--output_dir=."], "data"),
    (train + ["--output_dir=disk", "--dataset.root=far"], "far"),
    (train + ["--output_dir=run", "--checkpoint_mirror=kept", "--dataset.root=kept/run/checkpoints"], "kept/run"),
    (train + Flags.world + ["--output_dir=cache"], "cache"),
  ]) func `an output folder that is or holds an input is refused and kept`(command: [String], input: String) throws {
    try Fixture.within(copying: ["E0", "data", "cache"]) { folder in
      let files = FileManager.default
      func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
      try files.createSymbolicLink(atPath: path("linked"), withDestinationPath: "E0")
      try files.createDirectory(atPath: path("disk"), withIntermediateDirectories: true)
      try files.copyItem(atPath: path("data"), toPath: path("disk/data"))
      try files.createSymbolicLink(atPath: path("far"), withDestinationPath: "disk/data")
      // A mirror that holds a run, and a dataset in it.
      try files.createDirectory(atPath: path("kept"), withIntermediateDirectories: true)
      try files.copyItem(atPath: path("E0"), toPath: path("kept/run"))
      for name in try files.contentsOfDirectory(atPath: path("data")) {
        try files.copyItem(atPath: path("data/\(name)"), toPath: path("kept/run/checkpoints/\(name)"))
      }
      let before = try files.subpathsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".output") }.sorted()
      let outcome = try Program.run(command, in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("which the command reads") && outcome.errors.contains(input), "\(outcome.errors)")
      let after = try files.subpathsOfDirectory(atPath: folder.path).filter { !$0.hasPrefix(".output") }.sorted()
      #expect(after == before)
    }
  }

  @Test(arguments: [["--overwrite"], ["--overwrite", "--resume"]])
  func `a linked output folder is emptied in place`(flags: [String]) throws {
    try Fixture.within { folder in
      let (files, disk) = (FileManager.default, folder.appendingPathComponent("disk/results"))
      try files.createDirectory(at: disk, withIntermediateDirectories: true)
      try Data("old".utf8).write(to: disk.appendingPathComponent("old.txt"))
      let link = folder.appendingPathComponent("out").path
      try files.createSymbolicLink(atPath: link, withDestinationPath: disk.path)
      try Program.succeed(Flags.evaluate + [Self.model, "--output_dir=out"] + flags, in: folder)
      #expect(try files.destinationOfSymbolicLink(atPath: link) == disk.path)
      #expect(disk.names() == ["episodes.jsonl", "eval_info.json"])
      // Only what another evaluation may still want is kept.
      #expect(folder.appendingPathComponent("replaced/out-1").names() == (flags.count > 1 ? ["old.txt"] : []))
    }
  }
}
