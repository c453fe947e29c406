import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// `stages.json` of an experiment: its stages, with the command line of each.
public enum StagePlan {
  /// Its name in the experiment's folder.
  static let fileName = "stages.json"

  /// The stages that `root` was last started with; those of earlier starts come after them.
  static func read(_ root: URL) throws -> [Stage] {
    let file = root.appendingPathComponent(fileName)
    guard file.isThere else {
      throw Failure(
        "\(root.path) holds no experiment that was started: \(file.lastPathComponent) is missing; name the matrix's `output_root`"
      )
    }
    let entries = try JSON(contentsOf: file)["stages"]?.array ?? []
    let stages = entries.compactMap { Stage($0, below: root) }
    guard stages.count == entries.count else {
      throw Failure("\(file.path) is damaged; delete it and start the matrix again, which keeps what is finished")
    }
    return stages
  }

  /// Writes the stages, and those of earlier starts that are not among them.
  public static func write(_ stages: [Stage], below root: URL) throws {
    let names = Set(stages.map(\.name))
    let earlier = ((try? read(root)) ?? []).filter { !names.contains($0.name) }
    let json: JSON = ["stages": .array((stages + earlier).map { $0.json(below: root) })]
    try json.write(to: root.appendingPathComponent(fileName), layout: .indented(2), overwrite: true)
  }
}

extension Stage {
  fileprivate init?(_ json: JSON, below root: URL) {
    func words(_ key: String) -> [String] { json[key]?.array?.compactMap(\.string) ?? [] }
    guard let kind = json["kind"]?.string.flatMap(Kind.init(rawValue:)), let subject = json["subject"]?.string,
      let product = json["product"]?.string, let work = json["work"]?.integer, work >= 0,
      !subject.isEmpty, !subject.contains("/"), !subject.hasPrefix(".")
    else { return nil }
    self.init(
      kind, of: subject, words("arguments"), needs: words("needs"), follows: words("follows"),
      product: product.hasPrefix("/") ? URL(fileURLWithPath: product) : root.appendingPathComponent(product),
      work: work,
      isDone: false)
  }

  fileprivate func json(below root: URL) -> JSON {
    let prefix = root.path + "/"
    let path = product.path.hasPrefix(prefix) ? String(product.path.dropFirst(prefix.count)) : product.path
    return [
      "kind": .string(kind.rawValue), "subject": .string(subject), "product": .string(path), "work": .integer(work),
      "needs": .array(needs.map(JSON.string)), "follows": .array(follows.map(JSON.string)),
      "arguments": .array(arguments.map(JSON.string)),
    ]
  }
}
