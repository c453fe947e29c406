import Foundation
import Testing

/// Folders that are not what their names promise.
struct PathsAsFoundTests {
  private func link(_ folder: URL, _ path: String) throws {
    let place = folder.appendingPathComponent(path)
    try? FileManager.default.removeItem(at: place)
    try FileManager.default.createSymbolicLink(atPath: place.path, withDestinationPath: place.lastPathComponent)
  }

  @Test(arguments: [
    (["train", "--output_dir=out"] + Flags.model + ["--policy.device=cpu", "--dataset.root=loop"], "loop"),
    (["train", "--output_dir=out"] + Flags.model + ["--policy.device=cpu", "--dataset.repo_id=loop"], "loop"),
    (["train", "--output_dir=out"] + Flags.model + ["--policy.device=cpu", "--dataset.root=data"], "data/meta"),
    (
      ["train", "--output_dir=out"] + Flags.model + ["--policy.device=cpu", "--dataset.root=data"],
      "data/meta/info.json"
    ),
    (["train", "--output_dir=out", "--policy.path=loop"] + Flags.data, "loop"),
    (["train", "--output_dir=out", "--policy.path=loop/model"] + Flags.data, "loop"),
    (Flags.evaluate + ["--policy.path=\(Flags.checkpoint)"], "\(Flags.checkpoint)/config.json"),
    (["train", "--resume", "--config_path=loop"], "loop"),
    (["inspect", "loop"], "loop"), (["inspect", "data"], "data/meta"), (["merge", "loop", "--output_dir=out"], "loop"),
  ]) func `a link that leads to itself is told as one`(command: [String], link place: String) throws {
    try Fixture.within(copying: ["data", "E0"]) { folder in
      try link(folder, place)
      let outcome = try Program.run(command, in: folder)
      #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.contains("a link on this path leads to itself"), "\(outcome.errors)")
      #expect(outcome.errors.contains(place.split(separator: "/").last ?? ""), "\(outcome.errors)")
      #expect(!outcome.errors.contains("hub") && !outcome.errors.contains("repository"), "\(outcome.errors)")
    }
  }

  @Test func `the doctor tells such a link too`() throws {
    try Fixture.within { folder in
      try link(folder, "loop")
      let outcome = try Program.run(["doctor", "loop"], in: folder)
      #expect(outcome.status == 1 && outcome.output.contains("leads to itself"), "\(outcome.output)\(outcome.errors)")
    }
  }

  @Test func `a revision of a folder is said to have no effect, in one line`() throws {
    try Fixture.within { folder in
      func lines(_ text: String) -> [Substring] {
        text.split(separator: "\n").filter { $0.contains("revision=v9") }
      }
      for data in [["--dataset.root=data", "--dataset.repo_id=shapes"], ["--dataset.repo_id=data"]] {
        let flags = data + Flags.model + ["--policy.device=cpu", "--dataset.revision=v9", "--batch_size=4"]
        let outcome = try Program.run(["doctor"] + flags, in: folder)
        let found = lines(outcome.output)
        #expect(found.count == 1 && found.first?.contains("--dataset.revision=v9 has no effect") == true, "\(outcome)")
      }
      let encoded = try Program.succeed(Flags.precompute + ["--cache_dir=new", "--revision=v9"], in: folder)
      #expect(lines(encoded.errors).count == 1 && encoded.errors.contains("--revision=v9 has no effect"))
    }
  }
}
