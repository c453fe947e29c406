import Failures
import Foundation
import ModelFiles

/// Keeps other processes of this program from writing to a folder for as long as this value lives.
///
/// It is a lock on the folder's file `.lock`. The system releases it when its holder ends, however that ends, so a file
/// that a killed process left blocks no other. A file system that knows no locks is used without one.
public final class FolderLock: Sendable {
  public static let fileName = ".lock"
  private let folder: URL
  private let descriptor: Int32
  private let isInherited: Bool, madeFolder: Bool

  /// Creates the folder, unless it is there, and locks it.
  ///
  /// - Parameter isInherited: whether processes that this one starts hold the lock too, to their ends.
  /// - Throws: the processes that hold it, or why the folder cannot be created.
  public init(_ folder: URL, isInherited: Bool = false) throws {
    (self.folder, self.isInherited, madeFolder) = (folder, isInherited, !folder.isThere)
    if madeFolder {
      do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
        throw Failure("\(folder.path) could not be made: \(systemReason(of: error)); choose another folder")
      }
    }
    descriptor = try Self.lockedFile(in: folder, isInherited: isInherited)
  }

  deinit {
    if !isInherited { unlink(Self.path(in: folder)) }
    close(descriptor)
    // Only an empty folder goes.
    if madeFolder { rmdir(folder.path) }
  }

  private static func path(in folder: URL) -> String { folder.appendingPathComponent(fileName).path }

  private static func lockedFile(in folder: URL, isInherited: Bool) throws -> Int32 {
    let path = path(in: folder)
    while true {
      let file = open(path, O_RDWR | O_CREAT | (isInherited ? 0 : O_CLOEXEC), 0o644)
      guard file >= 0 else {
        throw Failure("\(path) could not be written: \(String(cString: strerror(errno))); choose another folder")
      }
      guard flock(file, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK else {
        close(file)
        let holders = processes(holding: path)
        throw Failure(
          "\(folder.path) is in use by \(holders.isEmpty ? "another process" : holders.joined(separator: ", ")); wait "
            + "for its end, stop it, or choose another folder")
      }
      // Its last holder may have removed the file, and a lock on a removed file excludes no process.
      var held = stat(), there = stat()
      if fstat(file, &held) == 0, stat(path, &there) == 0, held.st_ino == there.st_ino { return file }
      close(file)
    }
  }

  /// The processes that have a file open, as far as this user may see them.
  private static func processes(holding path: String) -> [String] {
    let files = FileManager.default
    let file = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    func names(_ folder: String) -> [String] { (try? files.contentsOfDirectory(atPath: folder)) ?? [] }
    func holds(_ number: Int) -> Bool {
      names("/proc/\(number)/fd").contains {
        (try? files.destinationOfSymbolicLink(atPath: "/proc/\(number)/fd/\($0)")) == file
      }
    }
    let numbers = names("/proc").compactMap { Int($0) }.filter { $0 != getpid() }.sorted().filter(holds)
    return numbers.map { number in
      let line = (try? String(contentsOfFile: "/proc/\(number)/cmdline", encoding: .utf8)) ?? ""
      let words = line.split(separator: "\0").dropFirst()
      let output = words.first { $0.contains("output_dir=") }?.split { "=/".contains($0) }.last
      return "process \(number) (\(words.first ?? "")\(output.map { " of \($0)" } ?? ""))"
    }
  }
}
