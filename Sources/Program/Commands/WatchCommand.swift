import Experiments
import Failures
import Foundation
import LayeredSettings
import PageServer
import TerminalOutput

/// `lerobot-wm watch`: serves the report of runs that are still at work.
enum WatchCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("runs", help: "folder of runs, as report reads it; may also be the first argument") var runs = ""
    @Setting("host", help: "IPv4 address to listen at; 0.0.0.0 lets every network read the page") var host = "127.0.0.1"
    @Setting("port", in: 0...65_535, help: "port to listen at; 0 takes any free one") var port = 6007
    @Setting(
      "allow_differences", help: "entries of protocols and training records that may differ, separated by commas")
    var allowedDifferences = ""

    func validate() throws(ConfigurationError) {
      guard !runs.isEmpty else {
        throw ConfigurationError("runs", "is needed: the folder of the runs, such as outputs/matrix")
      }
    }
  }

  static let name = "watch"
  static let summary = "serve the report of running experiments as a page that keeps itself up to date"
  static let operands = ReportCommand.operands
  static let examples = ["lerobot-wm watch outputs/matrix"]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    if let path = arguments.takePositional() { configured.value.runs = path }
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let root = URL(fileURLWithPath: settings.runs, isDirectory: true).standardizedFileURL
    guard FileManager.default.fileExists(atPath: root.path) else {
      throw Failure("\(root.path): the folder does not exist; name the folder of the runs")
    }
    let allowed = listedNames(settings.allowedDifferences)
    let hashes = FileHashes()
    let translation = FlagTranslation.source?.make()
    let page = LiveReport(root) {
      try ReportCommand.report(root, allowedDifferences: allowed, hashes: hashes, translation: translation)
    }
    let server = try PageServer(host: settings.host, port: settings.port)
    let interruption = Interruption()
    print(server.url)
    fflush(nil)
    say("serving \(root.path); Ctrl-C ends it")
    server.serve(until: { interruption.signalNumber != nil }) { path in page.contents(of: path) }
    return 0
  }
}
