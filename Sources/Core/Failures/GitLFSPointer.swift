import Foundation

/// Refuses the few lines that Git LFS leaves in a file's place where its contents were not fetched.
public func refuseGitLFSPointer(_ path: String) throws {
  guard let file = FileHandle(forReadingAtPath: path) else { return }
  defer { try? file.close() }
  let mark = Data("version https://git-lfs.github.com/spec/".utf8)
  guard try file.read(upToCount: mark.count) == mark else { return }
  throw Failure(
    "\(path) is a Git LFS pointer, not the file itself; fetch the files with `git lfs pull` in their repository, or with "
      + "`hf download`")
}
