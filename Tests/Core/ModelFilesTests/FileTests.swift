import Foundation
import Testing

@testable import ModelFiles

/// An empty folder that goes when the test's value goes.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appendingPathComponent("wm-" + UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ name: String) -> URL { url.appendingPathComponent(name) }

  var names: [String] { get throws { try FileManager.default.contentsOfDirectory(atPath: url.path).sorted() } }
}

struct FileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func `an atomic file appears whole when committed, and not before`() throws {
    let url = folder("a.txt")
    let file = try AtomicFile(url)
    try file.write("one ")
    try file.write("two")
    #expect(!FileManager.default.fileExists(atPath: url.path))
    try file.commit()
    #expect(try String(contentsOf: url, encoding: .utf8) == "one two")
    #expect(try folder.names == ["a.txt"])
  }

  @Test func `an abandoned file leaves nothing`() throws {
    do { try AtomicFile(folder("a.txt")).write("half") }
    #expect(try folder.names == [])
  }

  @Test func `a folder is not written by two at once, and what a killed process left of one is removed`() throws {
    let url = folder("data")
    do {
      let first = try AtomicFolder(url)
      try Data("one".utf8).write(to: first.partial.appendingPathComponent("a"))
      let error = #expect(throws: FileError.self) { try AtomicFolder(url) }
      #expect(error?.description.hasPrefix("\(url.path): another process is writing it") == true)
      try first.commit()
      // Whoever writes next is not disturbed by the end of the one before.
      let next = try AtomicFolder(url)
      try Data("two".utf8).write(to: next.partial.appendingPathComponent("a"))
      withExtendedLifetime(consume first) {}
      try next.commit()
    }
    #expect(
      try folder.names == ["data"] && String(contentsOf: url.appendingPathComponent("a"), encoding: .utf8) == "two")
    try FileManager.default.createDirectory(at: folder(".new.partial/old"), withIntermediateDirectories: true)
    let second = try AtomicFolder(folder("new"))
    #expect(try FileManager.default.contentsOfDirectory(atPath: second.partial.path).isEmpty)
  }

  @Test func `nothing is overwritten unasked`() throws {
    let url = folder("a.txt")
    try AtomicFile.write([1], to: url)
    #expect(throws: FileError.exists(url.path)) { try AtomicFile.write([2], to: url) }
    #expect(try MappedFile(url).contents == [1])
    try AtomicFile.write([2], to: url, overwrite: true)
    #expect(try MappedFile(url).contents == [2])
    // Even a file that came up while ours was written.
    let late = try AtomicFile(folder("late"))
    try AtomicFile.write([1], to: folder("late"))
    #expect(throws: FileError.exists(folder("late").path)) { try late.commit() }
  }

  @Test func `a missing folder, a full disk and a folder in the way are told in one sentence`() throws {
    let missing = #expect(throws: FileError.self) { try AtomicFile(folder("no/a.txt")) }
    #expect(missing?.description.contains("no such file or folder") == true)
    #expect(throws: FileError.self) { try MappedFile(folder.url) }
    #expect(throws: FileError.missing(folder("none").path)) { try MappedFile(folder("none")) }
    // The system's own always-full file.
    let full = try WritableFile("/dev/full", creating: false)
    #expect(throws: FileError.diskFull("/dev/full")) { try [1].withUnsafeBytes { try full.write($0) } }
    #expect(FileError.errno(EROFS, "/d/a", "be written") == .readOnly("/d/a"))
  }

  @Test func `a mapped file checks its bounds and survives emptiness`() throws {
    let url = folder("a")
    try AtomicFile.write([1, 2, 3], to: url)
    let file = try MappedFile(url)
    #expect(try file.withBytes(in: 1..<3) { Array($0) } == [2, 3])
    #expect(throws: FileError.self) { try file.withBytes(in: 1..<4) { $0.count } }
    #expect(file.sha256 == "039058c6f2c0cb492c533b0a4d14ef77cc0f78abccced5287d84a1a2011cfb81")
    try AtomicFile.write([], to: folder("empty"))
    #expect(try MappedFile(folder("empty")).withBytes { $0.count } == 0)
  }

  @Test func `a part that is no longer used leaves memory, and its neighbors stay`() throws {
    let url = folder("parts.bin")
    let size = 48 << 20
    try AtomicFile.write(Array(repeating: 7, count: size), to: url)
    let file = try MappedFile(url)
    // Resident pages of files, in kilobytes.
    func resident() throws -> Int {
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("RssFile:") })
      return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }
    // One byte of each page.
    func touched(_ bytes: UnsafeRawBufferPointer) -> Set<UInt8> {
      Set(stride(from: 0, to: bytes.count, by: 1 << 12).map { bytes[$0] })
    }
    var part: MappedPart? = try MappedPart(file, 100..<size - 100)
    #expect(part.map { touched($0.unsafeBytes) } == [7])
    // A change of the last page, which a neighbor shares.
    let start = UnsafeMutableRawPointer(mutating: try #require(file.unsafeBytes.baseAddress))
    start.storeBytes(of: 9, toByteOffset: size - 1, as: UInt8.self)
    let before = try resident()
    part = nil
    #expect(try before - resident() > 32 << 10)
    #expect(try file.withBytes(in: size - 2..<size) { Array($0) } == [7, 9])
    #expect(try file.withBytes { touched($0) } == [7])
    #expect(throws: FileError.self) { try MappedPart(file, size - 1..<size + 1) }
  }

  @Test func `a file's bytes are read whole or from its end`() throws {
    let url = folder("log")
    try AtomicFile.write([1, 2, 3], to: url)
    #expect(try fileContents(url) == [1, 2, 3])
    for (last, expected) in [(0, []), (2, [2, 3]), (9, [1, 2, 3]), (-1, [])] as [(Int, [UInt8])] {
      #expect(try fileContents(url, last: last) == expected)
    }
    #expect(throws: FileError.missing(folder("none").path)) { try fileContents(folder("none")) }
    #expect(throws: FileError.self) { try fileContents(folder.url) }
  }

  @Test(arguments: [
    (0.4, "0 s"), (59, "59 s"), (60, "1:00 min"), (3599, "59:59 min"), (7260, "2:01 h"), (302_400, "3.5 days"),
    (-1, "?"), (.infinity, "?"), (.nan, "?"),
  ])
  func `durations read as people write them`(seconds: Double, text: String) {
    #expect(formattedDuration(seconds) == text)
  }

  @Test func `a named pipe is refused, and not waited for`() throws {
    let pipe = folder("last")
    #expect(mkfifo(pipe.path, 0o600) == 0)
    let isRead = DispatchSemaphore(value: 0)
    Thread.detachNewThread { [checkpoints = folder.url] in
      _ = try? MappedFile(pipe)
      _ = LastCheckpoint.folder(in: checkpoints)
      isRead.signal()
    }
    #expect(isRead.wait(timeout: .now() + 10) == .success)
    // Whoever waits for a writer goes on.
    for _ in 0..<2 {
      close(open(pipe.path, O_WRONLY | O_NONBLOCK))
      usleep(1000)
    }
    #expect(throws: FileError.invalid(pipe.path, "expected a file, found a folder, pipe or device")) {
      try MappedFile(pipe)
    }
  }

  @Test(arguments: ["", "/etc/passwd", "..", "a/../../b", "a/..", "a\0b"])
  func `a path that leaves its folder is refused`(path: String) {
    #expect(throws: FileError.self) { try contained(path, in: folder.url) }
  }

  @Test func `a path inside its folder is kept`() throws {
    #expect(try contained("a/..b/c.txt", in: folder.url).path == folder.url.path + "/a/..b/c.txt")
  }

  @Test func `JSON files round-trip and name their faults`() throws {
    let url = folder("a.json")
    let json: JSON = ["b": 1, "a": [1.0]]
    try json.write(to: url)
    #expect(try JSON(contentsOf: url) == json)
    try AtomicFile.write(Array("{\"a\": }".utf8), to: url, overwrite: true)
    let error = #expect(throws: FileError.self) { try JSON(contentsOf: url) }
    #expect(error?.description == "\(url.path): expected JSON, but at line 1, column 7: expected a value, found '}'")
  }
}
