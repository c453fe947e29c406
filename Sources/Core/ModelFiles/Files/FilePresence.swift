import Foundation

extension URL {
  /// Whether there is a file or a folder.
  package var isThere: Bool { FileManager.default.fileExists(atPath: path) }
}
