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

  /// Creates the partial folder, empty even if a killed process left one.
  public init(_ url: URL) throws {
    self.url = url
    partial = Self.sibling(of: url, "partial")
    try? FileManager.default.removeItem(at: partial)
    try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: partial) }

  /// Moves the partial folder, or a folder in it, to the final place; call it once, last.
  ///
  /// A folder that is already there is replaced, and removed only after the new one is in place.
  public func commit(_ subfolder: String? = nil) throws {
    let files = FileManager.default
    let written = subfolder.map { partial.appendingPathComponent($0, isDirectory: true) } ?? partial
    guard files.fileExists(atPath: url.path) else { return try files.moveItem(at: written, to: url) }
    let old = Self.sibling(of: url, "old")
    try? files.removeItem(at: old)
    try files.moveItem(at: url, to: old)
    try files.moveItem(at: written, to: url)
    try? files.removeItem(at: old)
  }

  private static func sibling(of url: URL, _ suffix: String) -> URL {
    url.deletingLastPathComponent().appendingPathComponent(".\(url.lastPathComponent).\(suffix)", isDirectory: true)
  }
}
