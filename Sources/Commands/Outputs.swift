import Foundation
import Policies

/// A command's results go to a new folder: an old one is kept unless the user says otherwise.
func prepareOutput(_ path: String, overwrite: Bool) throws -> URL {
  let url = URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL
  let files = FileManager.default
  if let contents = try? files.contentsOfDirectory(atPath: url.path), !contents.isEmpty {
    guard overwrite else {
      throw PolicyError("\(path) exists and is not empty; choose another --output_dir, or give --overwrite")
    }
    try files.removeItem(at: url)
  }
  do { try files.createDirectory(at: url, withIntermediateDirectories: true) } catch {
    throw PolicyError("\(path) could not be made: \(reason(of: error)); choose another --output_dir")
  }
  return url
}

/// `outputs/KIND/2026-11-23/10-20-30_NAME`, as LeRobot names unnamed runs.
func defaultOutput(_ kind: String, _ name: String) -> String {
  let format = DateFormatter()
  format.locale = Locale(identifier: "en_US_POSIX")
  format.dateFormat = "yyyy-MM-dd/HH-mm-ss"
  return "outputs/\(kind)/\(format.string(from: Date()))_\(name)"
}

/// A line for people, beside the results on standard output.
func say(_ line: String) { FileHandle.standardError.write(Data((line + "\n").utf8)) }

/// An error in one sentence: this program's own say one themselves, Foundation's name a file and a reason.
func sentence(of error: any Error) -> String {
  guard type(of: error) == NSError.self || error is CocoaError || error is POSIXError else { return "\(error)" }
  let details = (error as NSError).userInfo
  let path = details[NSFilePathErrorKey] as? String ?? (details[NSURLErrorKey] as? URL)?.path
  return (path.map { "\($0): " } ?? "") + reason(of: error)
}

/// What the system says of a failed file operation.
private func reason(of error: any Error) -> String {
  let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
  for candidate in [cause, error as NSError].compactMap({ $0 }) where candidate.domain == NSPOSIXErrorDomain {
    return String(cString: strerror(Int32(candidate.code)))
  }
  return (error as NSError).localizedDescription
}
