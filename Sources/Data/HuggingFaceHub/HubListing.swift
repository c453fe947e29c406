import Foundation
import ModelFiles

/// A file of a repository's commit.
public struct HubFile: Sendable, Equatable {
  public let path: String
  /// Its bytes, where the hub said so.
  let size: Int?
  /// What the cache calls its content: the SHA-256 of a large file, the git blob's SHA-1 of a small one.
  let etag: String?
}

/// What a repository holds at one commit.
public struct HubListing: Sendable {
  public let repository: HubRepository
  /// The branch, tag or commit that was asked for.
  public let revision: String
  public let commit: String
  public let files: [HubFile]
}

extension Hub {
  /// Asks what a repository holds.
  ///
  /// - Throws: one sentence, if the hub does not know the repository or the revision, does not let this user see it, or
  ///   lists what cannot be true.
  public func listing(of repository: HubRepository, revision: String = "main") throws(HubError) -> HubListing {
    guard HubRepository.isRevision(revision) else {
      throw HubError("expected a branch, a tag or a commit of \(repository), found \"\(revision)\"")
    }
    try checkOnline(repository)
    let subject = HubSubject(repository: repository, revision: revision)
    let path =
      "\(repository.apiPath)/revision/\(escaped(revision).replacingOccurrences(of: "/", with: "%2F"))?blobs=true"
    let connection = try HubConnection(settings)
    let json = try connection.json(path, about: subject)
    guard let commit = json["sha"]?.string, HubRepository.isCommit(commit), let entries = json["siblings"]?.array else {
      throw HubError(
        "\(settings.endpoint) does not say what \(repository) holds; is HF_ENDPOINT the address of a hub?", .damaged)
    }
    // A long list may be cut there, and then comes in pages; so huggingface_hub takes it.
    let isWhole = (1...50_000).contains(entries.count)
    let files =
      isWhole
      ? try entries.map { entry throws(HubError) in try HubFile(entry, of: repository) }
      : try pages(of: repository, commit, connection, subject)
    return HubListing(repository: repository, revision: revision, commit: commit, files: files)
  }

  private func pages(
    of repository: HubRepository, _ commit: String, _ connection: HubConnection, _ subject: HubSubject
  ) throws(HubError) -> [HubFile] {
    var files: [HubFile] = []
    var next: String? = "\(settings.endpoint)\(repository.apiPath)/tree/\(commit)?recursive=true"
    let start = ContinuousClock.now
    for _ in 0..<5_000 where start.duration(to: .now) < .seconds(600) {
      guard let address = next else { return files }
      let page = try connection.page(address, about: subject)
      for entry in page.json.array ?? [] where entry["type"]?.string == "file" {
        files.append(try HubFile(entry, of: repository))
      }
      next = page.next
    }
    throw HubError("\(settings.endpoint) lists \(repository) without end, which is refused", .damaged)
  }

  /// The branches and tags of a repository.
  public func revisions(of repository: HubRepository) throws(HubError) -> [String] {
    try checkOnline(repository)
    let json = try HubConnection(settings).json(
      "\(repository.apiPath)/refs", about: HubSubject(repository: repository), limit: 1 << 24)
    return ["branches", "tags"].flatMap { json[$0]?.array ?? [] }.compactMap { $0["name"]?.string }
  }
}

extension HubFile {
  /// An entry of a listing, or of a page of one, where names differ.
  ///
  /// - Throws: if its name would leave the folder that it is put in, or its size is not valid.
  init(_ json: JSON, of repository: HubRepository) throws(HubError) {
    guard let path = (json["rfilename"] ?? json["path"])?.string, Self.isInnocent(path) else {
      throw HubError(
        "\(repository) lists a file whose name would leave its folder (\((json["rfilename"] ?? json["path"])?.text(.line) ?? "none")); "
          + "nothing was fetched", .damaged)
    }
    self.path = path
    let size = json["lfs"]?["size"]?.integer ?? json["size"]?.integer
    guard size.map({ $0 >= 0 }) ?? true else {
      throw HubError("\(repository) lists \(path) with a negative size", .damaged)
    }
    self.size = size
    // A large file's own blob is only a pointer to it.
    let large = json["lfs"].flatMap { $0 == .null ? nil : $0 }
    let name = large.map { $0["sha256"] ?? $0["oid"] } ?? json["blobId"] ?? json["oid"]
    etag = name?.string.flatMap { Self.isTag($0) ? $0 : nil }
  }

  /// Whether a path stays inside the folder it is put in, in every component.
  static func isInnocent(_ path: String) -> Bool {
    path.utf8.count <= 1024
      && path.split(separator: "/", omittingEmptySubsequences: false).allSatisfy { part in
        !part.isEmpty && part != "." && part != ".." && part.utf8.count <= 255 && !part.contains("\\")
          && part.unicodeScalars.allSatisfy { $0.value >= 0x20 && $0.value != 0x7F }
      }
  }

  /// Whether a text can name a blob: no dot, so that it is no path and never another blob's unfinished file.
  static func isTag(_ text: String) -> Bool {
    (1...128).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        let character = Character(UnicodeScalar(byte))
        return character.isASCII && (character.isLetter || character.isNumber || "-_".contains(character))
      }
  }
}
