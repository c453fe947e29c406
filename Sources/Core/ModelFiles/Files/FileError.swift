import Foundation

/// Why a file could not be read or written.
public enum FileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// There is no file at this path.
  case missing(String)
  /// The file is not what its format demands: path, and one clause that says what was expected and found.
  case malformed(String, String)
  /// The file is sound but uses something this program does not know: path, and what.
  case unsupported(String, String)
  /// The file exists and may not be replaced.
  case exists(String)
  /// The disk or the quota of this path is full.
  case diskFull(String)
  /// The disk of this path is read-only.
  case readOnly(String)
  /// The system refuses access to this path.
  case forbidden(String)
  /// A path leaves the folder that it must stay in: the path, the folder.
  case escapes(String, String)
  /// A request that this file cannot serve: path, and one clause.
  case invalid(String, String)
  /// Another failure of the system: path, what was tried, the system's words.
  case system(String, String, String)

  /// One sentence that names the path.
  public var description: String {
    switch self {
    case .missing(let path): "\(path): no such file or folder"
    case .malformed(let path, let reason): "\(path): \(reason)"
    case .unsupported(let path, let what): "\(path): \(what) is not supported"
    case .exists(let path): "\(path) exists already and is not overwritten; choose another path or set `overwrite`"
    case .diskFull(let path): "\(path): cannot be written because the disk is full; free some space and try again"
    case .readOnly(let path): "\(path): cannot be written because the disk is read-only; choose another folder"
    case .forbidden(let path): "\(path): permission denied"
    case .escapes(let path, let root): "\"\(path)\" is no path inside \(root): expected a relative path without '..'"
    case .invalid(let path, let reason): "\(path): \(reason)"
    case .system(let path, let action, let reason): "\(path): cannot \(action): \(reason)"
    }
  }

  /// The error for a failed system call, from `errno` as it stood right after it.
  public static func errno(_ code: Int32, _ path: String, _ action: String) -> FileError {
    switch code {
    case ENOENT: .missing(path)
    case ENOSPC, EDQUOT, EFBIG: .diskFull(path)
    case EROFS: .readOnly(path)
    case EACCES, EPERM: .forbidden(path)
    case EEXIST: .exists(path)
    case ELOOP: .invalid(path, "a link on this path leads to itself; remove it, or let it lead to what it stands for")
    default: .system(path, action, String(cString: strerror(code)))
    }
  }
}

/// Refuses a path on which a link leads to itself: otherwise it looks as if there were nothing.
public func refuseLinkLoop(at path: String) throws {
  var status = stat()
  guard stat(path, &status) != 0, errno == ELOOP else { return }
  throw FileError.errno(ELOOP, path, "be examined")
}

/// The place of `relativePath` below `root`, or an error where it is absolute, empty or climbs out with `..`.
///
/// The check is lexical: links that a user laid inside `root` (the Hugging Face cache is made of them) are followed.
public func contained(_ relativePath: String, in root: URL) throws -> URL {
  let parts = relativePath.split(separator: "/", omittingEmptySubsequences: false)
  guard !relativePath.isEmpty, !relativePath.hasPrefix("/"), !relativePath.utf8.contains(0), !parts.contains("..")
  else { throw FileError.escapes(relativePath, root.path) }
  return root.appendingPathComponent(relativePath)
}
