import Experiments
import Foundation
import MediaCoding
import Testing

struct RolloutVideosTests {
  /// The boxes that name a file an MP4 of H.264, and nothing to play.
  private func fakeVideo(_ size: Int = 400) -> String {
    "\0\0\0\u{18}ftypisom....avc1" + String(repeating: "x", count: size)
  }

  private func count(_ part: String, in html: String) -> Int { html.components(separatedBy: part).count - 1 }

  private func recorded(_ text: String) throws -> FixtureMatrix {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    for folder in ["E0_seed0/eval", "E1_seed0/eval", "E2_seed0/eval", "E0_seed0/eval_contrary", "random"] {
      for episode in 0..<6 { try matrix.write(text, "\(folder)/videos/shapes_push_left/eval_episode_\(episode).mp4") }
    }
    return matrix
  }

  @Test func `few videos of each arm lie in the page`() throws {
    let html = try recorded(fakeVideo()).report().html()
    #expect((8...15).contains(count("<video controls muted loop", in: html)))
    #expect(html.contains("src=\"data:video/mp4;base64,AAAAGGZ0eXBpc29t"))
    #expect(html.contains("push the block to the left"))
    #expect(html.contains("did not reach it") && html.contains("reached the goal"))
  }

  @Test func `the page's size is bounded, and what was left out is counted`() throws {
    let matrix = try recorded(fakeVideo(10_000))
    let html = try matrix.report(videoBudget: 35_000).html()
    #expect(count("<video", in: html) == 3)
    #expect(html.contains("not shown to keep this page small"))
  }

  @Test func `episodes on which arms disagree come first, and are filmed again where they were not`() throws {
    let matrix = try recorded(fakeVideo())
    var outcomes = [Bool](repeating: true, count: 20)
    for experiment in ["E0", "E1"] {
      try matrix.evaluation("\(experiment)_seed0/eval", [("push_left", outcomes)])
    }
    outcomes[4] = false
    outcomes[15] = false
    try matrix.evaluation("E2_seed0/eval", [("push_left", outcomes)])
    func html() throws -> String {
      try ExperimentReport(root: matrix.root, filmingCommand: { "film \($0) \($1) \($2)" }).html()
    }
    let before = try html()
    #expect(before.contains("The arms disagree in <b>2</b> of 20 paired episodes; <b>1</b> of these was filmed"))
    let rows = before.components(separatedBy: "<div class=\"about\">").dropFirst()
    #expect(rows.first?.contains("The arms disagree") == true && rows.first?.contains("episode&nbsp;4") == true)
    #expect(before.contains("film E2_seed0/eval/eval_info.json E2_seed0/films [15]"))
    for (experiment, flags) in [
      ("E0", [Bool](repeating: true, count: 20)), ("E1", [Bool](repeating: true, count: 20)), ("E2", outcomes),
    ] {
      try matrix.evaluation("\(experiment)_seed0/films", [("push_left", flags)], recorded: 16)
      try matrix.write(fakeVideo(), "\(experiment)_seed0/films/videos/shapes_push_left/eval_episode_15.mp4")
    }
    let after = try html()
    #expect(after.contains("<b>2</b> of these were filmed") && after.contains("episode&nbsp;15"))
    // A film of an episode that ended otherwise is of another episode.
    try matrix.evaluation("E2_seed0/films", [("push_left", [Bool](repeating: true, count: 20))], recorded: 16)
    #expect(try html().contains("<b>1</b> of these was filmed"))
  }

  @Test func `a video that no browser plays becomes images`() throws {
    let matrix = try FixtureMatrix()
    try matrix.video(codec: .mpeg4, ["random"], episodes: 1)
    let html = try matrix.report().html()
    // One film of the control, as its first and last frames and three between.
    #expect(count("data:image/png;base64,iVBORw0KGgo", in: html) == 5)
    #expect(!html.contains("<video controls"))
  }

  @Test func `a file that is no video is named and kept out of the page`() throws {
    let matrix = try recorded("root:x:0:0:secret avc1")
    try matrix.write("\0\0\0\u{18}ftypisom no codec", "E0_seed0/eval/videos/shapes_push_left/eval_episode_0.mp4")
    let html = try matrix.report().html()
    #expect(html.contains("expected an MP4 video") && html.contains("eval_episode_0.mp4"))
    #expect(!html.contains("<video") && !html.contains(Data("root:x".utf8).base64EncodedString()))
  }

  @Test func `paths out of the evaluation's folder are not followed`() throws {
    let matrix = try FixtureMatrix(tasks: ["../.."])
    try matrix.write(fakeVideo(), "E0_seed0/eval_episode_0.mp4")
    let html = try matrix.report().html()
    #expect(!html.contains("<video"))
  }

  /// Leaves a page to look at where `WM_REPORT_SAMPLE` says; judged by eye.
  @Test(.enabled(if: ProcessInfo.processInfo.environment["WM_REPORT_SAMPLE"] != nil))
  func `a sample page`() throws {
    let path = try #require(ProcessInfo.processInfo.environment["WM_REPORT_SAMPLE"])
    for (name, seeds) in [("one", [0]), ("three", [0, 1, 2])] {
      let matrix = try FixtureMatrix(seeds: seeds)
      try matrix.video(
        codec: try .forViewing(),
        ["E0_seed0/eval", "E1_seed0/eval", "E2_seed0/eval", "E0_seed0/eval_contrary", "random"])
      if name == "three" { try FileManager.default.removeItem(at: matrix("E1_seed2/eval")) }
      let report = try matrix.report(isDemonstration: name == "one")
      try report.write(to: URL(fileURLWithPath: path).appendingPathComponent("\(name).html"), overwrite: true)
      print(report.table())
    }
  }
}
