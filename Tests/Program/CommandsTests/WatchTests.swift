import Foundation
import ModelFiles
import TestSupport
import Testing

/// A folder of runs that a served page shows, and the program that serves it.
private final class WatchedFolder {
  let root = FileManager.default.temporaryDirectory.appendingPathComponent("wm-watch-" + UUID().uuidString)
  private var running: Program.Running?

  init() throws { try FileManager.default.createDirectory(at: root, withIntermediateDirectories: true) }

  deinit {
    running?.process.terminate()
    try? FileManager.default.removeItem(at: root)
  }

  func log(_ steps: Int) throws {
    let lines = (1...steps).map { #"{"step":\#($0 * 10),"loss":\#(1 / Double($0)),"grad_norm":1,"update_s":0.1}"# }
    let folder = root.appendingPathComponent("E0_seed0")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try AtomicFile.write(
      Array((lines.joined(separator: "\n") + "\n").utf8), to: folder.appendingPathComponent("metrics.jsonl"),
      overwrite: true)
  }

  /// Starts the program; returns what it says of where the page is.
  func serve() throws -> URL {
    let program = try Program.start(["watch", root.path, "--port=0"], in: root)
    running = program
    for _ in 0..<200 {
      if let line = program.outputSoFar.split(separator: "\n").first, let url = URL(string: String(line)) { return url }
      Thread.sleep(forTimeInterval: 0.05)
    }
    throw CocoaError(.fileReadUnknown, userInfo: ["said": program.errorsSoFar])
  }

  /// Ends the program as Ctrl-C does.
  func interrupt() -> Outcome? {
    running?.process.interrupt()
    defer { running = nil }
    return running?.wait()
  }
}

struct WatchTests {
  @Test func `the page is served on loopback only, until Ctrl-C`() throws {
    let folder = try WatchedFolder()
    try folder.log(30)
    let url = try folder.serve()
    #expect(url.host == "127.0.0.1")
    let listening = try String(contentsOfFile: "/proc/net/tcp", encoding: .utf8)
    let port = String(format: "%04X", try #require(url.port))
    #expect(listening.contains(" 0100007F:\(port) ") && !listening.contains(" 00000000:\(port) "))
    #expect(folder.interrupt()?.status == 0)
  }

  @Test(arguments: [
    ([], "--runs"), (["nowhere"], "nowhere: the folder does not exist"),
    ([".", "--host=elsewhere"], "--host=elsewhere: expected an IPv4 address"),
    ([".", "--port=70000"], "--port: expected 0 to 65535, found 70000"),
  ]) func `what cannot be served is said in one sentence`(arguments: [String], clue: String) throws {
    let folder = try WatchedFolder()
    let outcome = try Program.run(["watch"] + arguments, in: folder.root)
    #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(outcome.errors)")
    #expect(outcome.errors.contains(clue), "\(outcome.errors)")
  }
}

/// The served page in a reader's browser.
@Suite(.enabled(if: Chromium.isInstalled, Comment(rawValue: Chromium.hint)))
struct LivePageTests {
  @Test func `a page follows its runs, and the reader's place stays`() throws {
    let folder = try WatchedFolder()
    let url = try folder.serve()
    let browser = try Chromium()
    try browser.open(url, width: 1280)
    #expect(try browser.evaluate("document.body.innerText.includes('Nothing to show at the moment')") == true)
    try folder.log(30)
    try browser.wait(for: "document.querySelectorAll('#training figure').length === 3")
    try browser.wait(for: "document.readyState === 'complete'")
    // A line of the curves grows while the reader is further below, and has opened something.
    try browser.evaluate(
      "document.querySelector('#protocol details').open = true; document.querySelector('#protocol').scrollIntoView()")
    let before = try browser.evaluate("Math.round(document.querySelector('#protocol').getBoundingClientRect().top)")
    let digest = try browser.evaluate("document.querySelector('#training').dataset.digest")
    try folder.log(60)
    try browser.wait(
      for: "document.querySelector('#training').dataset.digest !== '\(try #require(digest.string))'")
    #expect(
      try browser.evaluate("Math.round(document.querySelector('#protocol').getBoundingClientRect().top)") == before)
    #expect(try browser.evaluate("document.querySelector('#protocol details').open") == true)
    #expect(browser.complaints == [])
    _ = folder.interrupt()
    try browser.wait(for: "document.querySelector('#live').textContent.includes('does not answer')")
  }
}
