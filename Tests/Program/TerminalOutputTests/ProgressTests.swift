import Foundation
import Testing

@testable import TerminalOutput

struct ProgressTests {
  @Test func `the time of a pause counts for no estimate`() throws {
    let pipe = Pipe()
    let progress = ProgressBar("training", total: 4, unit: .named("steps"), output: pipe.fileHandleForWriting)
    progress.update(1)
    progress.pause()
    usleep(1_600_000)
    progress.update(4)
    progress.finish()
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 2 && lines.last?.hasSuffix("4/4 steps, in 0 s") == true, "\(text)")
  }

  @Test func `without a terminal it prints whole lines and no control characters`() throws {
    let pipe = Pipe()
    let progress = ProgressBar("encoding", total: 10, output: pipe.fileHandleForWriting)
    progress.update(5, note: "half")
    progress.update(6)
    progress.say("a remark")
    progress.update(10)
    progress.finish()
    try pipe.fileHandleForWriting.close()
    let text = String(decoding: try pipe.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
    let lines = text.split(separator: "\n")
    #expect(lines.count == 3)
    #expect(lines[0].hasPrefix("encoding: 5/10") && lines[0].hasSuffix("half"))
    #expect(lines[1] == "a remark")
    #expect(lines[2].hasPrefix("encoding: 10/10") && lines[2].hasSuffix(", in 0 s"), "the last that was said")
    #expect(!text.contains("\r") && !text.contains("\u{1B}"))
  }
}
