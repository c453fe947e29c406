import Foundation
import ModelFiles

/// Debian's Chromium without a window, driven through its DevTools protocol over two pipes.
public final class Chromium {
  public enum Problem: Error { case ended, timedOut(String), answered(String) }

  public static let isInstalled = FileManager.default.isExecutableFile(atPath: path)
  public static let hint: String = "chromium is not installed; `make test-browser` installs it and runs these tests"
  private static let path = "/usr/bin/chromium"

  private let process = Process()
  private let requests = Pipe(), answers = Pipe()
  private let profile: URL
  private var buffer = Data()
  private var lastID = 0
  private var session: String?
  /// What the page complained of: console errors, exceptions, refused contents.
  public private(set) var complaints: [String] = []

  public init() throws {
    profile = FileManager.default.temporaryDirectory.appendingPathComponent("wm-chromium-" + UUID().uuidString)
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // The protocol's pipes are the descriptors 3 and 4.
    let flags =
      "--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --remote-debugging-pipe --user-data-dir="
      + profile.path
    process.arguments = ["-c", "exec \(Self.path) \(flags) 3<&0 4>&1 >/dev/null 2>&1 </dev/null"]
    process.standardInput = requests
    process.standardOutput = answers
    process.environment = ProcessInfo.processInfo.environment.merging(["HOME": profile.path]) { $1 }
    try FileManager.default.createDirectory(at: profile, withIntermediateDirectories: true)
    try process.run()
    let target = try call("Target.createTarget", ["url": "about:blank"])["targetId"] ?? .null
    session = try call("Target.attachToTarget", ["targetId": target, "flatten": true])["sessionId"]?.string
    for domain in ["Page", "Runtime", "Log"] { try call(domain + ".enable") }
  }

  deinit {
    process.terminate()
    process.waitUntilExit()
    try? FileManager.default.removeItem(at: profile)
  }

  /// Opens a page as a window of that width shows it to a reader who likes it light or dark; waits until it is loaded.
  public func open(_ url: URL, width: Int, isDark: Bool = false) throws {
    complaints = []
    try call(
      "Emulation.setDeviceMetricsOverride",
      ["width": .integer(width), "height": 900, "deviceScaleFactor": 1, "mobile": .bool(width < 600)])
    try call(
      "Emulation.setEmulatedMedia",
      ["features": [["name": "prefers-color-scheme", "value": isDark ? "dark" : "light"]]])
    try call("Page.navigate", ["url": .string(url.absoluteString)])
    try wait(for: "document.readyState === 'complete' && location.href !== 'about:blank'")
  }

  /// The value of an expression in the page.
  @discardableResult public func evaluate(_ expression: String) throws -> JSON {
    let result = try call(
      "Runtime.evaluate", ["expression": .string(expression), "returnByValue": true, "awaitPromise": true])
    if let problem = result["exceptionDetails"] { throw Problem.answered(problem.text(.compact)) }
    return result["result"]?["value"] ?? .null
  }

  /// Waits until an expression is true.
  public func wait(for expression: String, seconds: Double = 20) throws {
    let end = Date().addingTimeInterval(seconds)
    while Date() < end {
      if try evaluate(expression) == true { return }
      Thread.sleep(forTimeInterval: 0.05)
    }
    throw Problem.timedOut(expression)
  }

  /// Writes a picture of the whole page.
  public func screenshot(to url: URL) throws {
    let result = try call("Page.captureScreenshot", ["format": "png", "captureBeyondViewport": true])
    guard let data = result["data"]?.string.flatMap({ Data(base64Encoded: $0) }) else { throw Problem.ended }
    try data.write(to: url)
  }

  @discardableResult private func call(_ method: String, _ parameters: JSON = [:]) throws -> JSON {
    lastID += 1
    var message: JSON = ["id": .integer(lastID), "method": .string(method), "params": parameters]
    if let session, var members = message.object {
      members["sessionId"] = .string(session)
      message = .object(members)
    }
    try requests.fileHandleForWriting.write(contentsOf: Data((message.text(.compact) + "\0").utf8))
    while true {
      let answer = try next()
      if answer["id"] == .integer(lastID) {
        if let error = answer["error"] { throw Problem.answered("\(method): \(error.text(.compact))") }
        return answer["result"] ?? .null
      }
      note(answer)
    }
  }

  private func note(_ event: JSON) {
    let parameters = event["params"]
    switch event["method"]?.string {
    case "Runtime.exceptionThrown": complaints.append(parameters?["exceptionDetails"]?.text(.compact) ?? "exception")
    case "Runtime.consoleAPICalled" where ["error", "warning", "assert"].contains(parameters?["type"]?.string):
      complaints.append(parameters?["args"]?.text(.compact) ?? "console")
    case "Log.entryAdded" where ["error", "warning"].contains(parameters?["entry"]?["level"]?.string):
      complaints.append(parameters?["entry"]?["text"]?.string ?? "log")
    default: break
    }
  }

  /// The next message, which ends with a zero byte.
  private func next() throws -> JSON {
    while true {
      if let end = buffer.firstIndex(of: 0) {
        let message = Array(buffer[..<end])
        buffer = Data(buffer[buffer.index(after: end)...])
        return try JSON(parsing: message)
      }
      var waiting = pollfd(fd: answers.fileHandleForReading.fileDescriptor, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 60_000) > 0 else { throw Problem.timedOut("an answer of the browser") }
      let data = answers.fileHandleForReading.availableData
      guard !data.isEmpty else { throw Problem.ended }
      buffer += data
    }
  }
}
