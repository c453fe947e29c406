import Foundation

/// An error as one sentence: the package's own errors describe themselves; Foundation's become path and reason.
public func message(of error: any Error) -> String {
  guard type(of: error) == NSError.self || error is CocoaError || error is POSIXError else { return "\(error)" }
  let details = (error as NSError).userInfo
  let path = details[NSFilePathErrorKey] as? String ?? (details[NSURLErrorKey] as? URL)?.path
  return (path.map { "\($0): " } ?? "") + systemReason(of: error)
}

/// The system's reason for a failed file operation, such as "Not a directory".
public func systemReason(of error: any Error) -> String {
  let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? any Error
  for candidate in [cause, error].compactMap({ $0 }) {
    if let posix = candidate as? POSIXError { return String(cString: strerror(posix.code.rawValue)) }
    let plain = candidate as NSError
    if plain.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(plain.code))) }
  }
  return (error as NSError).localizedDescription
}
