import Foundation
import Testing

@testable import Commands

/// Names of folders that a shell or a terminal would take for commands.
struct PrintedNamesTests {
  @Test func `a command that films is quoted for a shell`() throws {
    let film = ReportCommand.filmingCommand(below: "r $(touch PWNED);x")
    #expect(
      film("E2_seed0/eval/eval_info.json", "E2_seed0/films", [1, 12])
        == "lerobot-wm reproduce 'r $(touch PWNED);x/E2_seed0/eval/eval_info.json' "
        + "'--output_dir=r $(touch PWNED);x/E2_seed0/films' '--eval.recorded_episodes=[1,12]'")
  }

  @Test(arguments: ["doctor", "report"]) func `a terminal is sent no control characters`(command: String) throws {
    try ComparedRuns.within { folder in
      let run = folder.appendingPathComponent("out/\u{1B}]0;x\u{7}E9_seed0")
      try FileManager.default.createDirectory(at: run, withIntermediateDirectories: true)
      let output = try Program.run([command, "out"], in: folder).output
      #expect(output.contains("E9_seed0"))
      #expect(!output.unicodeScalars.contains { $0.properties.generalCategory == .control && $0 != "\n" })
    }
  }
}
