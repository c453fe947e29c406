import Foundation

/// A folder that is written beside its final place and appears there whole, or not at all.
///
/// ```swift
/// let folder = try AtomicFolder(url)
/// try model.save(to: folder.partial)
/// try folder.commit()
/// ```
public final class AtomicFolder {
  /// The final place.
  public let url: URL
  /// The folder to write to: `.NAME.partial` beside the final place.
  public let partial: URL
  /// The partial folder, locked; the system releases it when its holder ends, however that ends.
  private let descriptor: Int32
  /// Whether it has gone to the final place; what is called so from then on is another process's.
  private var isGone = false

  /// Creates the partial folder, empty even if a killed process left one.
  ///
  /// - Throws: if another process is writing the same folder, or it cannot be created.
  public init(_ url: URL) throws {
    self.url = url
    partial = Self.sibling(of: url, "partial")
    try Self.removeLeftover(partial, of: url)
    try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
    descriptor = try Self.locked(partial, of: url)
  }

  deinit {
    if !isGone { try? FileManager.default.removeItem(at: partial) }
    close(descriptor)
  }

  private static func removeLeftover(_ partial: URL, of url: URL) throws {
    guard access(partial.path, F_OK) == 0 else { return }
    let left = try locked(partial, of: url)
    defer { close(left) }
    try? FileManager.default.removeItem(at: partial)
  }

  /// A file system that knows no locks is used without one.
  private static func locked(_ partial: URL, of url: URL) throws -> Int32 {
    let descriptor = open(partial.path, O_RDONLY | O_CLOEXEC)
    guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
      close(descriptor)
      throw FileError.invalid(url.path, "another process is writing it; wait for its end, or choose another place")
    }
    return descriptor
  }

  /// Moves the partial folder, or a folder in it, to the final place; call it once, last.
  ///
  /// A folder that is already there is replaced, and removed only after the new one is in place.
  public func commit(_ subfolder: String? = nil) throws {
    let files = FileManager.default
    let written = subfolder.map { partial.appendingPathComponent($0, isDirectory: true) } ?? partial
    let old = files.fileExists(atPath: url.path) ? Self.sibling(of: url, "old") : nil
    if let old {
      try? files.removeItem(at: old)
      try files.moveItem(at: url, to: old)
    }
    try files.moveItem(at: written, to: url)
    isGone = subfolder == nil
    if let old { try? files.removeItem(at: old) }
  }

  private static func sibling(of url: URL, _ suffix: String) -> URL {
    url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).\(suffix)", isDirectory: true)
  }
}
