import Foundation
import ModelFiles
import Testing

/// Policies that follow LeRobot 0.6 or 0.4 where these differ.
struct LeRobotVersionTests {
  private static let notice = "was trained from scratch with LeRobot 0.4's places of patches and keeps them"

  private func record(_ run: URL, step: String = "last") throws -> [JSON] {
    let file = run.appendingPathComponent("checkpoints/\(step)/pretrained_model/training_record.json")
    return try #require(try JSON(contentsOf: file)["segments"]?.array)
  }

  /// Makes a checkpoint one of before there was a choice.
  private func age(_ run: URL) throws {
    let file = run.appendingPathComponent("checkpoints/last/pretrained_model/training_record.json")
    let segments = try record(run).map { segment -> JSON in
      .object((segment.object ?? [:]).filter { $0.key != "lerobot_version" })
    }
    try JSON.object(["segments": .array(segments)]).write(to: file, overwrite: true)
    let settings = file.deletingLastPathComponent().appendingPathComponent("lerobot_wm.json")
    var own = try #require(try JSON(contentsOf: settings).object)
    own["policy"] = .object((own["policy"]?.object ?? [:]).filter { $0.key != "lerobot_version" })
    try JSON.object(own).write(to: settings, overwrite: true)
  }

  private func evaluated(_ name: String, _ flags: [String], in folder: URL) throws -> (record: JSON, errors: String) {
    let outcome = try Program.succeed(Flags.evaluate + ["--output_dir=\(name)"] + flags, in: folder)
    let info = try JSON(contentsOf: folder.appendingPathComponent("\(name)/eval_info.json"))
    return (try #require(info["protocol"]), outcome.errors)
  }

  @Test func `a new policy follows 0.6, and says so in its records`() throws {
    try Fixture.within { folder in
      let trained = try record(folder.appendingPathComponent("E0"))
      #expect(trained.last?["lerobot_version"] == "0.6")
      let (evaluation, errors) = try evaluated("eval", ["--policy.path=\(Flags.checkpoint)"], in: folder)
      #expect(evaluation["lerobot_version"] == "0.6" && !errors.contains(Self.notice))
    }
  }

  @Test func `a checkpoint of before there was a choice acts, resumes and is tuned as it was trained`() throws {
    try Fixture.within { folder in
      try Program.succeed(["train", "--output_dir=old", "--policy.lerobot_version=0.4"] + Flags.train, in: folder)
      let old = folder.appendingPathComponent("old")
      #expect(try record(old).last?["lerobot_version"] == "0.4")
      try FileManager.default.copyItem(at: old, to: folder.appendingPathComponent("said"))
      try age(old)
      let path = "--policy.path=old/checkpoints/last/pretrained_model"

      let (evaluation, errors) = try evaluated("eval", [path], in: folder)
      #expect(evaluation["lerobot_version"] == "0.4")
      #expect(errors.components(separatedBy: Self.notice).count == 2, "\(errors)")
      let other = try evaluated("other", [path, "--policy.lerobot_version=0.6"], in: folder)
      #expect(other.record["lerobot_version"] == "0.6" && !other.errors.contains(Self.notice))

      let resume = ["--resume", "--steps=9"]
      let went = try Program.succeed(["train", "--output_dir=old"] + resume, in: folder)
      let told = went.errors.split(separator: "\n").filter { $0.contains("resumes with other settings") }
      #expect(went.errors.contains(Self.notice) && told.allSatisfy { $0.contains("scheduled_steps") }, "\(went.errors)")
      try Program.succeed(["train", "--output_dir=said"] + resume, in: folder)
      #expect(try lastState(old) == lastState(folder.appendingPathComponent("said")))

      try age(old)
      try Program.succeed(["train", "--output_dir=tuned", path] + Flags.train, in: folder)
      #expect(try record(folder.appendingPathComponent("tuned")).last?["lerobot_version"] == "0.4")

      let changed = try Program.run(
        ["train", "--output_dir=old", "--resume", "--steps=12", "--policy.lerobot_version=0.6"], in: folder)
      // The optimizer holds states of the layer that version 0.6 freezes.
      #expect(changed.status == 1 && changed.errors.contains("lerobot_version"), "\(changed.errors)")
    }
  }
}
