import Crypto
import Foundation

/// One file of a repository on the ``LoopbackHub``.
struct HostedFile: Sendable {
  let content: Data
  /// The git blob's SHA-1.
  let blob: String
  /// The content's SHA-256.
  let sha256: String
  /// Whether it lies in the large-file store.
  let isLarge: Bool

  /// What the hub's answers call the file by.
  var etag: String { isLarge ? sha256 : blob }

  init(_ content: Data, path: String) {
    self.content = content
    blob = hexadecimal(Insecure.SHA1.hash(data: Data("blob \(content.count)\0".utf8) + content))
    sha256 = hexadecimal(SHA256.hash(data: content))
    isLarge = HostedFile.goesToLargeStore(path)
  }

  /// The hub's own rule goes by `.gitattributes`, whose default names these kinds among others.
  static func goesToLargeStore(_ path: String) -> Bool {
    ["safetensors", "parquet", "mp4", "npy", "bin", "png"].contains(URL(fileURLWithPath: path).pathExtension)
  }
}

/// A repository with its commits and the names that point to them.
struct HostedRepository: Sendable {
  var commits: [String: [String: HostedFile]] = [:]
  var branches: [String: String] = [:]
  var tags: [String: String] = [:]
  var isGated = false
  var isPrivate = false

  /// The commit that a branch, a tag or a commit's own number means.
  func commit(of revision: String) -> String? {
    branches[revision] ?? tags[revision] ?? (commits[revision] == nil ? nil : revision)
  }

  /// Adds a commit to a branch and says its number, which follows from the files.
  mutating func add(_ files: [String: HostedFile], to branch: String) -> String {
    let listing = files.sorted { $0.key < $1.key }.map { "\($0.value.blob) \($0.key)\n" }.joined()
    let commit = hexadecimal(Insecure.SHA1.hash(data: Data((listing + (branches[branch] ?? "")).utf8)))
    commits[commit] = files
    branches[branch] = commit
    return commit
  }
}

func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
