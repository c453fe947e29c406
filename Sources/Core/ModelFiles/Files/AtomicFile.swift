import Foundation

/// A file that is written beside its final place and appears there whole, or not at all.
///
/// ```swift
/// let file = try AtomicFile(url)
/// try file.write("step,loss\n")
/// try file.commit()
/// ```
public final class AtomicFile {
  public let url: URL
  private let overwrite: Bool
  private let file: WritableFile
  private var committed = false
  private static let suffix = ".partial"

  /// Opens a file beside `url`; without `overwrite`, a file that stands there already is an error.
  public init(_ url: URL, overwrite: Bool = false) throws {
    self.url = url.standardizedFileURL
    self.overwrite = overwrite
    guard overwrite || access(url.path, F_OK) != 0 else { throw FileError.exists(url.path) }
    let tag = String(UInt64.random(in: 0...UInt64.max), radix: 36)
    let name = ".\(url.lastPathComponent).\(tag)\(Self.suffix)"
    let beside = self.url.deletingLastPathComponent().appendingPathComponent(name)
    do {
      file = try WritableFile(beside.path, creating: true)
    } catch let error as FileError {
      throw error.renamed(from: beside.path, to: url.path)
    }
  }

  deinit { if !committed { unlink(file.path) } }

  /// Appends `bytes`.
  public func write(_ bytes: UnsafeRawBufferPointer) throws {
    do { try file.write(bytes) } catch let error as FileError { throw error.renamed(from: file.path, to: url.path) }
  }

  /// Appends `bytes`.
  public func write(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { buffer in try write(buffer) }
  }

  /// Appends `text` as UTF-8.
  public func write(_ text: String) throws { try write(Array(text.utf8)) }

  /// Flushes the file to the disk and gives it its final name; call it once, last.
  public func commit() throws {
    do {
      try file.publish(as: url.path, overwrite: overwrite)
    } catch let error as FileError {
      throw error.renamed(from: file.path, to: url.path)
    }
    committed = true
  }

  /// Removes the files and folders that killed processes were about to write in a folder, which no other process may write
  /// to now.
  public static func removeLeftovers(in folder: URL) {
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] where isLeftover(name) {
      try? FileManager.default.removeItem(at: folder.appendingPathComponent(name))
    }
  }

  /// Whether a file of this name is one that a killed process left.
  public static func isLeftover(_ name: String) -> Bool { name.hasPrefix(".") && name.hasSuffix(suffix) }

  /// Writes a whole file of `bytes` at `url`.
  public static func write(_ bytes: [UInt8], to url: URL, overwrite: Bool = false) throws {
    let file = try AtomicFile(url, overwrite: overwrite)
    try file.write(bytes)
    try file.commit()
  }
}

extension FileError {
  /// The same error, told about the final name that a user knows.
  func renamed(from partial: String, to path: String) -> FileError {
    switch self {
    case .missing(partial): .missing(path)
    case .diskFull(partial): .diskFull(path)
    case .readOnly(partial): .readOnly(path)
    case .forbidden(partial): .forbidden(path)
    case .system(partial, let action, let reason): .system(path, action, reason)
    default: self
    }
  }
}
