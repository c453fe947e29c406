import Failures
import RGBImages

extension RGBImage {
  /// Decodes an image's pixels without an intermediate copy.
  ///
  /// - Parameters:
  ///   - subject: what is decoded, for error messages.
  ///   - fill: writes all of the given number of bytes, or returns an error message.
  init(width: Int, height: Int, of subject: String, fill: (UnsafeMutablePointer<UInt8>, Int) -> String?) throws {
    try Self.checkSize(width: width, height: height, of: subject)
    var problem: String?
    let count = width * height * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { problem = fill(base, count) }
      // After a failure the array is discarded.
      initialized = problem == nil ? count : 0
    }
    if let problem { throw Failure("\(subject) could not be decoded: \(problem)") }
    try self.init(width: width, height: height, pixels: pixels)
  }
}
