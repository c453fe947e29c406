import Foundation
import ModelFiles
import Testing

@testable import RunLogs

struct RunLogTests {
  private func within(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-logs-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func open(_ folder: URL, at step: Int) throws -> RunLog {
    var wandb = WandBDescription(runID: "abc123", name: "arm", configuration: ["steps": 8, "policy": ["type": "x"]])
    wandb.tags = ["seed:1"]
    return try RunLog(output: folder, resumingAt: step, configuration: ["steps": 8], wandb: wandb) { step in
      ["samples": Double(4 * step)]
    }
  }

  private func write(
    _ steps: ClosedRange<Int>, _ log: inout RunLog, scale: Double = 1, video: URL? = nil
  ) throws {
    for step in steps {
      try log.write(["loss": scale * Double(step)], step: step)
      guard step % 2 == 0 else { continue }
      try log.write(["eval/pc_success": scale * 10 * Double(step)], step: step, video: video)
    }
  }

  private func lines(_ folder: URL) throws -> [String] {
    try String(contentsOf: folder.appendingPathComponent("metrics.jsonl"), encoding: .utf8).split(separator: "\n")
      .map(String.init)
  }

  @Test func `hold each step once, in one line`() throws {
    try within { folder in
      var log = try open(folder, at: 0)
      #expect(log.evaluations.isEmpty)
      try write(1...3, &log)
      #expect(
        try lines(folder) == [
          #"{"step":1,"loss":1.0}"#, #"{"step":2,"loss":2.0,"eval/pc_success":20.0}"#, #"{"step":3,"loss":3.0}"#,
        ])
      _ = try open(folder, at: 0)
      #expect(try lines(folder).isEmpty)
    }
  }

  /// Killed in the middle of a line and of a record, with rows that are true no more.
  @Test(arguments: [1, 2, 4, 5, 7]) func `hold each step once after a resume`(first: Int) throws {
    try within { folder in
      var killed = try open(folder, at: 0)
      try write(1...first, &killed)
      try write(first + 1...8, &killed, scale: 100)
      try killed.finish(exitCode: 143)
      for file in [folder.appendingPathComponent("metrics.jsonl")] + wandbFiles(folder) {
        try (Data(contentsOf: file) + Data("{\"step\":9,\"lo".utf8)).write(to: file)
      }
      var log = try open(folder, at: first)
      #expect((log.evaluations[first]?["eval/pc_success"] != nil) == (first % 2 == 0))
      try write(first + 1...9, &log)
      try log.finish(exitCode: 0)

      let steps = Array(1...9)
      let losses: [Double?] = steps.map(Double.init)
      let rates: [Double?] = steps.map { $0 % 2 == 0 ? Double(10 * $0) : nil }
      let rows = try lines(folder).map { try JSON(parsing: $0) }
      #expect(rows.map { $0["step"]?.integer } == steps)
      #expect(rows.map { $0["loss"]?.double } == losses)
      #expect(rows.map { $0["eval/pc_success"]?.double } == rates)

      #expect(wandbFiles(folder).count == 1)
      let records = try wandbRecords(folder)
      #expect(records.map { $0.integer(1) } == Array(1...records.count))
      let history = records.compactMap { $0.message(WandBRecords.Kind.history.rawValue) }
      #expect(history.map { $0.message(2)?.integer(1) } == steps)
      #expect(history.map { WandBRecords.number("train/loss", in: $0) } == losses)
      #expect(history.map { WandBRecords.number("eval/pc_success", in: $0) } == rates)
      #expect(history.map { WandBRecords.number("train/samples", in: $0) } == steps.map { 4 * Double($0) })
      #expect(records.count { !$0.contents(WandBRecords.Kind.exit.rawValue).isEmpty } == 1)
      #expect(records.count { !$0.contents(WandBRecords.Kind.run.rawValue).isEmpty } == 1)
      // TensorBoard gets a second file that comes after the first, and is told to forget what came after the resume.
      #expect(events(folder).count == 2)
    }
  }

  @Test func `damaged lines are kept aside, and those after them stay`() throws {
    try within { folder in
      var log = try open(folder, at: 0)
      try write(1...4, &log)
      let file = folder.appendingPathComponent("metrics.jsonl")
      var damaged = try lines(folder)
      damaged[1] = #"{"step":2,"lo"#
      damaged.insert(#"{"step":1,"loss":7.0}"#, at: 3)
      try Data((damaged.joined(separator: "\n") + "\n").utf8).write(to: file)

      log = try open(folder, at: 4)
      #expect(log.notice?.contains("metrics.jsonl.damaged") == true)
      try write(5...5, &log)
      #expect(try lines(folder).map { try JSON(parsing: $0)["step"]?.integer } == [1, 3, 4, 5])
      let aside = try String(contentsOf: file.appendingPathExtension("damaged"), encoding: .utf8)
      #expect(aside == damaged[1] + "\n" + damaged[3] + "\n")
      log = try open(folder, at: 5)
      #expect(log.notice == nil)
    }
  }

  @Test(arguments: ["metrics.jsonl", ""]) func `what is removed beneath a run is an error`(removed: String) throws {
    try within { folder in
      var log = try open(folder, at: 0)
      try write(1...1, &log)
      try FileManager.default.removeItem(at: folder.appendingPathComponent(removed))
      #expect { try log.write(["loss": 1], step: 2) } throws: { "\($0)".contains("was removed") }
      #expect(throws: FileError.self) { try log.finish(exitCode: 0) }
    }
  }

  @Test func `a W&B run begins in the middle where the first part had none`() throws {
    try within { folder in
      var log = try RunLog(output: folder, resumingAt: 0, configuration: [:], wandb: nil)
      try write(1...4, &log)
      log = try open(folder, at: 3)
      try write(4...5, &log)
      try log.finish(exitCode: 0)
      let history = try wandbRecords(folder).compactMap { $0.message(WandBRecords.Kind.history.rawValue) }
      #expect(history.map { $0.message(2)?.integer(1) } == [1, 2, 3, 4, 5])
    }
  }

  @Test func `a clock that is set back leaves W&B's running time whole`() throws {
    try within { folder in
      var hours = 5.0
      let description = WandBDescription(runID: "abc123", name: "run", configuration: [:])
      var run = try WandBRun(description, output: folder, resumingAt: 0) {
        hours -= 1
        return Date(timeIntervalSince1970: 3600 * hours)
      }
      for step in 1...2 { try run.write(["loss": 1], step: step) }
      try run.finish(exitCode: 0)
      let rows = try wandbRecords(folder).compactMap { $0.message(WandBRecords.Kind.history.rawValue) }
      let times = rows.compactMap { WandBRecords.number("_runtime", in: $0) }
      #expect(times.count == 2 && times.allSatisfy { (0..<60).contains($0) }, "\(times)")
    }
  }

  /// By the name, hash and record that wandb gives a video of its own.
  @Test func `W&B gets an evaluation's video`() throws {
    try within { folder in
      let video = folder.appendingPathComponent("video.mp4")
      try Data("no video".utf8).write(to: video)
      var log = try open(folder, at: 0)
      try write(1...2, &log, video: video)
      log = try open(folder, at: 2)
      try write(3...4, &log, video: video)
      try write(5...6, &log, video: folder.appendingPathComponent("gone.mp4"))
      try log.finish(exitCode: 0)
      let hash = try MappedFile(video).sha256
      let path = "media/videos/eval/video_4_\(hash.prefix(20)).mp4"
      let root = try #require(wandbFiles(folder).first).deletingLastPathComponent().appendingPathComponent("files")
      #expect(try Data(contentsOf: root.appendingPathComponent(path)) == Data(contentsOf: video))
      let records = try wandbRecords(folder)
      let listed = records.compactMap { $0.message(WandBRecords.Kind.files.rawValue)?.message(1)?.contents(1).last }
      #expect(listed.map { String(decoding: $0, as: UTF8.self) }.last == path)
      let videos = records.compactMap { record -> JSON? in
        let items = record.message(WandBRecords.Kind.history.rawValue)?.contents(1).compactMap(
          ProtocolBufferFields.init)
        let item = items?.first { $0.contents(2).map(Array.init) == [Array("eval/video".utf8)] }
        return item?.contents(16).last.flatMap { try? JSON(parsing: Array($0)) }
      }
      #expect(
        videos.last == ["_type": "video-file", "sha256": .string(hash), "size": 8, "path": .string(path)])
      #expect(records.compactMap { $0.message(WandBRecords.Kind.history.rawValue) }.count == 6)
    }
  }

  @Test func `a damaged W&B file is begun again`() throws {
    try within { folder in
      var log = try open(folder, at: 0)
      try write(1...4, &log)
      try Data("no such file".utf8).write(to: try #require(wandbFiles(folder).first))
      log = try open(folder, at: 4)
      try write(5...6, &log)
      try log.finish(exitCode: 0)
      let history = try wandbRecords(folder).compactMap { $0.message(WandBRecords.Kind.history.rawValue) }
      #expect(history.map { $0.message(2)?.integer(1) } == Array(1...6))
    }
  }

  @Test func `identifiers of W&B runs stay inside their folder`() {
    #expect(WandBDescription.isRunID(WandBDescription.newRunID()))
    #expect(WandBDescription.newRunID() != WandBDescription.newRunID())
    for text in ["", "../x", "a/b", "a b", "a.b", String(repeating: "a", count: 65)] {
      #expect(!WandBDescription.isRunID(text), "\(text)")
    }
  }

  private func wandbFiles(_ folder: URL) -> [URL] {
    let root = folder.appendingPathComponent("wandb")
    let runs = ((try? FileManager.default.contentsOfDirectory(atPath: root.path)) ?? []).filter { $0 != "latest-run" }
    return runs.map { root.appendingPathComponent($0).appendingPathComponent("run-abc123.wandb") }
  }

  private func wandbRecords(_ folder: URL) throws -> [ProtocolBufferFields] {
    let file = try #require(wandbFiles(folder).first)
    return try LevelDBLogWriter.records(in: Array(Data(contentsOf: file))).map {
      try #require(ProtocolBufferFields($0.content[...]))
    }
  }

  private func events(_ folder: URL) -> [String] {
    (try? FileManager.default.contentsOfDirectory(atPath: folder.appendingPathComponent("tensorboard").path)) ?? []
  }
}
