import Foundation
import ModelFiles

/// A repository's folder in the cache, laid out as huggingface_hub does: `blobs/ETAG`, `snapshots/COMMIT/PATH` as relative
/// links to them, `refs/REVISION` with the commit that a branch or tag meant last.
public struct HubCache: Sendable {
  let root: URL
  let folder: URL
  private let name: String

  /// The place of a repository; nothing is made.
  public init(_ repository: HubRepository, _ settings: HubSettings = HubSettings()) {
    self.init(repository, in: settings.cache(of: repository.kind))
  }

  /// The place of a repository in a cache of its own, such as that of LeRobot's datasets.
  public init(_ repository: HubRepository, in cache: URL) {
    root = cache
    name = repository.folderName
    folder = root.appendingPathComponent(name, isDirectory: true)
  }

  /// The folder of a revision's files, if some of them were fetched; others may be missing.
  public func snapshot(revision: String = "main") -> URL? {
    guard HubRepository.isRevision(revision) else { return nil }
    var commit = revision
    if let text = try? String(contentsOf: reference(revision), encoding: .utf8) {
      commit = text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
    guard HubRepository.isCommit(commit) else { return nil }
    let place = snapshot(commit: commit)
    var isDirectory: ObjCBool = false
    return FileManager.default.fileExists(atPath: place.path, isDirectory: &isDirectory) && isDirectory.boolValue
      ? place : nil
  }

  func snapshot(commit: String) -> URL { folder.appendingPathComponent("snapshots/\(commit)", isDirectory: true) }

  private func reference(_ revision: String) -> URL { folder.appendingPathComponent("refs/\(revision)") }

  func blob(_ etag: String) -> URL { folder.appendingPathComponent("blobs/\(etag)") }

  /// Where a blob grows until it is whole.
  func incomplete(_ etag: String) -> URL { folder.appendingPathComponent("blobs/\(etag).incomplete") }

  /// Makes the folders that blobs and locks lie in.
  func prepare() throws(HubError) {
    try translated {
      for place in [folder.appendingPathComponent("blobs"), locks] {
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
      }
    }
  }

  private var locks: URL { root.appendingPathComponent(".locks/\(name)", isDirectory: true) }

  /// Keeps other processes, Python's too, from the same blob for as long as the lock lives.
  func lock(_ etag: String) throws(HubError) -> FileLock {
    try FileLock(locks.appendingPathComponent("\(etag).lock"))
  }

  /// Lets a commit's path point to a blob.
  func link(_ path: String, to etag: String, commit: String) throws(HubError) {
    let place = try translated { try contained(path, in: snapshot(commit: commit)) }
    guard access(place.path, F_OK) != 0 else { return }
    let depth = path.split(separator: "/").count + 1
    let target = String(repeating: "../", count: depth) + "blobs/\(etag)"
    try translated {
      try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
    }
    // A link to nothing makes room; one that another process made meanwhile is as good.
    unlink(place.path)
    guard symlink(target, place.path) == 0 || errno == EEXIST else {
      let code = errno
      throw HubError("\(FileError.errno(code, place.path, "be linked"))")
    }
  }

  /// Remembers which commit a branch or tag means.
  func remember(_ revision: String, means commit: String) throws(HubError) {
    guard revision != commit else { return }
    let place = reference(revision)
    if let text = try? String(contentsOf: place, encoding: .utf8), text == commit { return }
    try translated {
      try FileManager.default.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try AtomicFile.write(Array(commit.utf8), to: place, overwrite: true)
    }
  }
}

/// A lock among processes by a file, as Python's `filelock` makes one; released with the object.
final class FileLock {
  private let descriptor: Int32

  init(_ url: URL) throws(HubError) {
    while true {
      let descriptor = open(url.path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
      guard descriptor >= 0 else {
        let code = errno
        throw HubError("\(FileError.errno(code, url.path, "be opened"))")
      }
      while flock(descriptor, LOCK_EX) != 0, errno == EINTR {}
      // Its last holder may have deleted the file, and a lock on a deleted file excludes no one.
      var held = stat(), there = stat()
      if fstat(descriptor, &held) == 0, stat(url.path, &there) == 0, held.st_ino == there.st_ino {
        self.descriptor = descriptor
        return
      }
      close(descriptor)
    }
  }

  deinit { close(descriptor) }
}
