import Failures
import Foundation
import ModelFiles

/// The folder of a matrix: its runs, `logs/`, and `matrix.json`, which holds the settings that they share.
public struct MatrixFolder: Sendable {
  /// `OUTPUT_ROOT`
  public let url: URL
  private let lock: FileHandle

  /// Creates the folder and locks it. The runs inherit the lock, so that nothing starts while runs of a killed launcher
  /// are still running.
  ///
  /// - Throws: if another matrix runs there, or the folder cannot be created.
  public init(_ url: URL) throws {
    self.url = url
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    let path = url.appendingPathComponent(".lock").path
    // Without O_CLOEXEC, so that the children inherit the lock.
    let file = open(path, O_RDWR | O_CREAT, 0o644)
    guard file >= 0 else {
      throw Failure("\(path) could not be written: \(String(cString: strerror(errno))); choose another folder")
    }
    lock = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let holders = Self.processes(holding: path).map { ": " + $0.joined(separator: ", ") } ?? ""
      throw Failure("a matrix or its runs are still running in \(url.path)\(holders); wait for them, or stop them")
    }
  }

  /// The processes that have a file open, as far as this user may see them; nil if there are none.
  private static func processes(holding path: String) -> [String]? {
    let files = FileManager.default
    let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    func names(_ folder: String) -> [String] { (try? files.contentsOfDirectory(atPath: folder)) ?? [] }
    func holds(_ number: Int) -> Bool {
      names("/proc/\(number)/fd").contains {
        (try? files.destinationOfSymbolicLink(atPath: "/proc/\(number)/fd/\($0)")) == file
      }
    }
    let numbers = names("/proc").compactMap { Int($0) }.filter { $0 != getpid() }.sorted().filter(holds)
    guard !numbers.isEmpty else { return nil }
    return numbers.map { number in
      let line = (try? String(contentsOfFile: "/proc/\(number)/cmdline", encoding: .utf8)) ?? ""
      let words = line.split(separator: "\0").dropFirst()
      let output = words.first { $0.contains("output_dir=") }?.split(separator: "/").last.map { " of \($0)" } ?? ""
      return "process \(number) (\(words.first ?? "")\(output))"
    }
  }

  /// Compares the runs' shared settings with those of the runs that exist already, and writes them.
  ///
  /// Settings that only one of the two has come from another version of this program and are not compared.
  ///
  /// - Throws: the first difference, by its key and with both values.
  public func agree(on common: JSON) throws { try Self.agree(on: common, in: url) }

  /// The same for another folder that holds runs of the matrix, such as copies of them.
  public static func agree(on common: JSON, in folder: URL) throws {
    let file = folder.appendingPathComponent("matrix.json")
    var common = common
    if file.isThere {
      let earlier = try JSON(contentsOf: file)
      if let plan = earlier["plan"], let now = common["plan"], var members = common.object {
        members["plan"] = try MatrixPlan(plan, in: file).adding(MatrixPlan(now, in: file)).json
        common = .object(members)
      }
      if let found = difference(
        without(earlier, "plan"), without(common, "plan"), at: [])
      {
        throw Failure(
          "\(file.path): the runs there have \(found.key) \(found.earlier.text(.line)), now it is "
            + "\(found.now.text(.line)); arms that differ cannot be compared: choose another folder, or restore it")
      }
      common = merged(earlier, common)
    }
    try common.write(to: file, layout: .indented(2), overwrite: true)
  }
}

private func without(_ json: JSON, _ key: String) -> JSON { .object((json.object ?? [:]).filter { $0.key != key }) }

private func difference(_ earlier: JSON, _ now: JSON, at path: [String]) -> (key: String, earlier: JSON, now: JSON)? {
  guard let old = earlier.object, let new = now.object else {
    return earlier == now ? nil : (path.joined(separator: "."), earlier, now)
  }
  for (key, value) in old {
    if let other = new[key], let found = difference(value, other, at: path + [key]) { return found }
  }
  return nil
}

/// Both documents merged; the second wins.
private func merged(_ first: JSON, _ second: JSON) -> JSON {
  guard let old = first.object, let new = second.object else { return second }
  return .object(old.merging(new) { merged($0, $1) })
}
