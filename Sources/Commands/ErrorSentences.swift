import Foundation

/// An error in one sentence: this program's own say one themselves, Foundation's name a file and a reason.
func sentence(of error: any Error) -> String {
  guard type(of: error) == NSError.self || error is CocoaError || error is POSIXError else { return "\(error)" }
  let details = (error as NSError).userInfo
  let path = details[NSFilePathErrorKey] as? String ?? (details[NSURLErrorKey] as? URL)?.path
  return (path.map { "\($0): " } ?? "") + reason(of: error)
}

/// What the system says of a failed file operation.
func reason(of error: any Error) -> String {
  let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
  for candidate in [cause, error as NSError].compactMap({ $0 }) where candidate.domain == NSPOSIXErrorDomain {
    return String(cString: strerror(Int32(candidate.code)))
  }
  return (error as NSError).localizedDescription
}
