import Foundation
import ModelFiles
import OrderedCollections

/// What tells a dataset from all others, its own revisions included.
public struct DatasetFingerprint: Sendable, Equatable {
  /// The hub repository's commit; nil for a folder that does not say.
  public var revision: String?
  public var episodes: Int
  public var frames: Int
  /// SHA-256 of `meta/info.json` and of the files that list the episodes, by their path in the dataset.
  public var files: OrderedDictionary<String, String>
  /// SHA-256 of the frames, `data/` and `videos/`; nil where it was not noted.
  public var contents: String?

  public init(
    revision: String? = nil, episodes: Int, frames: Int, files: OrderedDictionary<String, String> = [:],
    contents: String? = nil
  ) {
    self.contents = contents
    self.revision = revision
    self.episodes = episodes
    self.frames = frames
    self.files = files
  }

  /// Takes a dataset's fingerprint from the files below its root.
  public init(root: URL, episodes: Int, frames: Int) throws {
    self.init(revision: Self.revision(of: root), episodes: episodes, frames: frames)
    let meta = root.appendingPathComponent("meta")
    let found = FileManager.default.enumerator(atPath: meta.path)?.compactMap { $0 as? String } ?? []
    let listings = found.filter { name in
      name == "episodes.jsonl" || (name.hasPrefix("episodes/") && name.hasSuffix(".parquet"))
    }
    for name in ["info.json"] + listings.sorted() {
      files["meta/\(name)"] = try MappedFile(meta.appendingPathComponent(name)).sha256
    }
    contents = try sha256(ofFolder: root) { path in
      ["data", "videos"].contains { path == $0 || path.hasPrefix($0 + "/") }
    }
  }

  /// The commit that a folder is of: a snapshot in the Hugging Face cache is named so, and a download into a folder of
  /// its own notes it beside each file.
  static func revision(of root: URL) -> String? {
    let isCommit = { (text: String) in text.count == 40 && text.allSatisfy(\.isHexDigit) }
    let folder = root.resolvingSymlinksInPath()
    if folder.deletingLastPathComponent().lastPathComponent == "snapshots", isCommit(folder.lastPathComponent) {
      return folder.lastPathComponent
    }
    let note = root.appendingPathComponent(".cache/huggingface/download/meta/info.json.metadata")
    let text = try? MappedFile(note).withBytes { String(decoding: $0.prefix(1024), as: UTF8.self) }
    return text?.split(whereSeparator: \.isNewline).first.map(String.init).flatMap { isCommit($0) ? $0 : nil }
  }

  /// What tells this dataset from `other`, in words; nil where they are the same. A revision or contents
  /// that one of them does not know are not compared.
  func difference(from other: DatasetFingerprint) -> String? {
    if let changed = files.keys.first(where: { files[$0] != other.files[$0] })
      ?? other.files.keys.first(where: { files[$0] == nil })
    {
      return "another \(changed)"
    }
    if episodes != other.episodes || frames != other.frames {
      return "\(other.episodes) episodes and \(other.frames) frames, not \(episodes) and \(frames)"
    }
    if let contents, let wanted = other.contents, contents != wanted { return "other frames in data or videos" }
    if let revision, let wanted = other.revision, revision != wanted {
      return "revision \(wanted), not \(revision)"
    }
    return nil
  }

  var json: JSON {
    [
      "revision": revision.map(JSON.string) ?? .null, "episodes": .integer(episodes), "frames": .integer(frames),
      "sha256": .object(files.mapValues { .string($0) }), "contents_sha256": contents.map(JSON.string) ?? .null,
    ]
  }

  /// Reads a sidecar's form, or returns nil if it is not valid.
  init?(_ json: JSON?) {
    guard let json, let episodes = json["episodes"]?.integer, let frames = json["frames"]?.integer,
      let files = json["sha256"]?.object
    else { return nil }
    self.init(
      revision: json["revision"]?.string, episodes: episodes, frames: frames,
      files: files.mapValues { $0.string ?? "" },
      contents: json["contents_sha256"]?.string)
  }
}
