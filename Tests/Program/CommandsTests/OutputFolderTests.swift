import Foundation
import ModelFiles
import Testing

/// What `--overwrite` may not remove.
struct OutputFolderTests {
  private static let model = "--policy.path=\(Flags.checkpoint)"
  private static let evaluate = Flags.evaluate + [model, "--overwrite"]
  private static let train = ["train", "--overwrite"] + Flags.train

  @Test(arguments: [
    ["scratch", "--output_dir=loop"], ["scratch", "--output_dir=loop", "--overwrite"],
    ["record", "--env.type=shapes", "--dataset.root=loop", "--dataset.num_episodes=1"],
  ]) func `an output folder that is a link to itself is refused before any work`(command: [String]) throws {
    try Fixture.within(copying: []) { folder in
      try FileManager.default.createSymbolicLink(
        atPath: folder.appendingPathComponent("loop").path, withDestinationPath: "loop")
      let outcome = try Program.run(command, in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("leads to itself") && !outcome.output.contains("solved"), "\(outcome.errors)")
    }
  }

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
      for name in ["eval_info.json", "old.txt"] { try Data("old".utf8).write(to: disk.appendingPathComponent(name)) }
      let link = folder.appendingPathComponent("out").path
      try files.createSymbolicLink(atPath: link, withDestinationPath: disk.path)
      try Program.succeed(Flags.evaluate + [Self.model, "--output_dir=out"] + flags, in: folder)
      #expect(try files.destinationOfSymbolicLink(atPath: link) == disk.path)
      #expect(disk.names() == ["episodes.jsonl", "eval_info.json"])
      // Only what another evaluation may still want is kept.
      #expect(
        folder.appendingPathComponent("replaced/out-1").names()
          == (flags.count > 1 ? ["eval_info.json", "old.txt"] : []))
    }
  }

  /// Folders that no such command has made, or that hold something beside what it has made.
  @Test(arguments: [
    (train + ["--output_dir=home"], ["notes.txt", "photos/cat.jpg"], "does not hold a training run"),
    (train + ["--output_dir=home"], ["metrics.jsonl", "checkpoints/000001/x", "photos/cat.jpg"], "the folder photos"),
    (train + ["--output_dir=home"], ["checkpoints/sd.ckpt"], "does not hold a training run"),
    (train + ["--output_dir=home"], ["train.py", "wandb/x", "checkpoints/1000/x"], "does not hold a training run"),
    (evaluate + ["--output_dir=home"], ["meta/info.json", "data/file"], "does not hold an evaluation"),
    (evaluate + ["--output_dir=home"], ["eval_info.json", ".ssh/id"], "the folder .ssh"),
    (evaluate + ["--output_dir=home"], ["checkpoints/last/x", "metrics.jsonl"], "does not hold an evaluation"),
    (["scratch", "--output_dir=home", "--overwrite"], ["notes.txt"], "does not hold a backbone"),
    (["scratch", "--output_dir=home", "--overwrite"], ["encoder/config.json", "src/a"], "the folder src"),
    (["scratch", "--output_dir=home", "--overwrite"], ["encoder/model.py", "main.py"], "does not hold a backbone"),
    (
      ["record", "--dataset.root=home", "--dataset.num_episodes=1", "--overwrite"] + Flags.environment,
      ["meta/notes.txt"], "holds no dataset"
    ),
    (
      ["record", "--dataset.root=home", "--dataset.num_episodes=1", "--overwrite"] + Flags.environment,
      ["meta/info.json", "src/a"], "the folder src"
    ),
    (
      train + ["--output_dir=other/home", "--checkpoint_mirror=."],
      [
        "checkpoints/000001/training_state/training_step.json", "checkpoints/000001/pretrained_model/config.json",
        "src/a",
      ], "the folder src"
    ),
  ]) func `a folder that is not the command's own output is kept, in one sentence`(
    command: [String], contents: [String], says: String
  ) throws {
    // Text that is JSON too, so that a checkpoint seems whole.
    let mine = Data("\"mine\"".utf8)
    try Fixture.within { folder in
      let files = FileManager.default
      for name in contents {
        let place = folder.appendingPathComponent("home/\(name)")
        try files.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try mine.write(to: place)
      }
      let outcome = try Program.run(command, in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains(says) && outcome.errors.contains("choose another"), "\(outcome.errors)")
      for name in contents {
        #expect(try folder.appendingPathComponent("home/\(name)").bytes() == mine, "\(name)")
      }
    }
  }

  /// What a kill leaves of a run that saved its first checkpoint, or that was being emptied.
  @Test(arguments: [
    ["tensorboard/events", "checkpoints/.000004.partial/pretrained_model/config.json"], ["tensorboard/events"],
    ["metrics.jsonl", "checkpoints/.000004.partial/x"],
  ]) func `what is left of the command's own output is emptied`(contents: [String]) throws {
    try Fixture.within { folder in
      for name in contents {
        let place = folder.appendingPathComponent("home/\(name)")
        try FileManager.default.createDirectory(
          at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: place)
      }
      try Program.succeed(Self.train + ["--output_dir=home", "--steps=1"], in: folder)
      #expect(folder.appendingPathComponent("home/checkpoints").names().contains("last"))
      for name in contents.dropFirst() { #expect(!folder.appendingPathComponent("home/\(name)").isThere, "\(name)") }
    }
  }
}
