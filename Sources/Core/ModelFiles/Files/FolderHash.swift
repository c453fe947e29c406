import Failures
import Foundation

/// The SHA-256 of a folder: of the lines `HASH  PATH` of its files, sorted by path; links are followed.
///
/// A link into the Hugging Face cache's blobs counts with the hash that names the blob, which was checked when it was
/// fetched.
///
/// - Parameter isIncluded: whether the files at a path, or below it, count.
public func sha256(ofFolder folder: URL, where isIncluded: (String) -> Bool = { _ in true }) throws -> String {
  var lines: [String] = []
  try addLines(of: folder, below: "", depth: 0, isIncluded, to: &lines)
  return sha256(of: lines.joined())
}

private func addLines(
  of folder: URL, below path: String, depth: Int, _ isIncluded: (String) -> Bool, to lines: inout [String]
) throws {
  // Links may form a circle.
  guard depth < 16 else { throw Failure("\(folder.path): folders are nested more than 16 deep") }
  for name in try FileManager.default.contentsOfDirectory(atPath: folder.resolvingSymlinksInPath().path).sorted() {
    let place = path + name
    guard isIncluded(place) else { continue }
    let file = folder.appendingPathComponent(name).resolvingSymlinksInPath()
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: file.path, isDirectory: &isDirectory) else { continue }
    if isDirectory.boolValue {
      try addLines(of: file, below: place + "/", depth: depth + 1, isIncluded, to: &lines)
    } else {
      let blob = file.deletingLastPathComponent().lastPathComponent == "blobs" ? file.lastPathComponent : ""
      let hash = blob.count == 64 && blob.allSatisfy(\.isHexDigit) ? blob : try MappedFile(file).sha256
      lines.append("\(hash)  \(place)\n")
    }
  }
}
