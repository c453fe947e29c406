import Failures
import RGBImages

extension RGBImage {
  /// Decodes a picture's pixels straight into their place.
  ///
  /// - Parameters:
  ///   - subject: what is decoded, as an error names it.
  ///   - fill: writes all of the given number of bytes, or returns what went wrong.
  init(
    width: Int, height: Int, of subject: String, fill: (UnsafeMutablePointer<UInt8>, Int) -> String?
  ) throws {
    try checkImageSize(width: width, height: height, of: subject)
    var problem: String?
    let count = width * height * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { problem = fill(base, count) }
      // Bytes are trivial: where a decoder gave up, the array is thrown away.
      initialized = problem == nil ? count : 0
    }
    if let problem { throw Failure("\(subject) could not be decoded: \(problem)") }
    do { try self.init(width: width, height: height, pixels: pixels) } catch {
      throw Failure(message(of: error))
    }
  }
}

/// Refuses the size of a picture or video that no ``RGBImage`` could have.
func checkImageSize(width: Int, height: Int, of subject: String) throws {
  do { try RGBImage.checkSize(width: width, height: height, of: subject) } catch {
    throw Failure(message(of: error))
  }
}
