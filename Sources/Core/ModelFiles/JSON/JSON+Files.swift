import Failures
import Foundation

extension JSON {
  /// The document in the file at `url`; a file that is not JSON is malformed at a line and column.
  public init(contentsOf url: URL) throws {
    let bytes = try MappedFile(url).contents
    do {
      try self.init(parsing: bytes)
    } catch {
      try refuseGitLFSPointer(url.path)
      throw FileError.malformed(url.path, "expected JSON, but at \(error)")
    }
  }

  /// Writes the document to `url`, beside and renamed; see `text(_:ascii:)` for the layout.
  public func write(to url: URL, layout: Layout = .indented(4), ascii: Bool = false, overwrite: Bool = false) throws {
    try AtomicFile.write(Array(text(layout, ascii: ascii).utf8), to: url, overwrite: overwrite)
  }
}
