import Failures
import Foundation
import ModelFiles

/// The folder of a matrix: its runs, `logs/`, and `matrix.json`, which holds the settings that they share.
public struct MatrixFolder: Sendable {
  /// `OUTPUT_ROOT`
  public let url: URL
  private let lock: FolderLock

  /// Creates the folder and locks it. The runs inherit the lock, so that nothing starts while runs of a killed launcher
  /// are still running.
  ///
  /// - Throws: if another matrix or its runs are at work there, or the folder cannot be created.
  public init(_ url: URL) throws {
    self.url = url
    lock = try FolderLock(url, isInherited: true)
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
