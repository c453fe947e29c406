import Failures
import Foundation
import ModelFiles

/// The folder of a matrix: its runs, `logs/`, and `matrix.json`, which says what all of them have in common.
public struct MatrixFolder: Sendable {
  /// `OUTPUT_ROOT`
  public let url: URL
  private let lock: FileHandle

  /// Makes the folder and locks it. The lock goes with the last process that was started from here, so that nothing is
  /// begun while runs of a killed launcher are still at work.
  ///
  /// - Throws: another matrix is at work there, or the folder cannot be made.
  public init(_ url: URL) throws {
    self.url = url
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    let path = url.appendingPathComponent(".lock").path
    // Without O_CLOEXEC: the children hold it too.
    let file = open(path, O_RDWR | O_CREAT, 0o644)
    guard file >= 0 else {
      throw Failure("\(path) could not be written: \(String(cString: strerror(errno))); choose another folder")
    }
    lock = FileHandle(fileDescriptor: file, closeOnDealloc: true)
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      throw Failure("a matrix is at work in \(url.path), or runs that it started; wait for them, or stop them")
    }
  }

  /// Compares what the runs have in common with what those that lie there already had, and writes it down.
  ///
  /// Settings that only one of the two knows are of another version of this program, and not compared.
  ///
  /// - Throws: the first difference, by its key and with both values.
  public func agree(on common: JSON) throws {
    let file = url.appendingPathComponent("matrix.json")
    var common = common
    if file.isThere {
      let earlier = try JSON(contentsOf: file)
      if let found = difference(earlier, common, at: []) {
        throw Failure(
          "\(file.path): the runs there have \(found.key) \(found.earlier.text(.line)), now it is "
            + "\(found.now.text(.line)); arms that differ cannot be compared: choose another folder, or put it back")
      }
      common = merged(earlier, common)
    }
    try common.write(to: file, layout: .indented(2), overwrite: true)
  }
}

private func difference(
  _ earlier: JSON, _ now: JSON, at path: [String]
) -> (key: String, earlier: JSON, now: JSON)? {
  guard let old = earlier.object, let new = now.object else {
    return earlier == now ? nil : (path.joined(separator: "."), earlier, now)
  }
  for (key, value) in old {
    if let other = new[key], let found = difference(value, other, at: path + [key]) { return found }
  }
  return nil
}

/// Both documents; where they meet, the second.
private func merged(_ first: JSON, _ second: JSON) -> JSON {
  guard let old = first.object, let new = second.object else { return second }
  return .object(old.merging(new) { merged($0, $1) })
}
