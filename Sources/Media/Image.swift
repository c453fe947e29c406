/// A picture: RGB, 8 bits a channel, row by row from the top.
public struct Image: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// `[height, width, 3]`, row-major.
  public var pixels: [UInt8]

  /// Makes a picture from its pixels.
  ///
  /// - Throws: if there are not `width * height * 3` of them or a side is not in 1...16384.
  public init(width: Int, height: Int, pixels: [UInt8]) throws(MediaError) {
    try Self.check(width: width, height: height, of: "an image")
    guard pixels.count == width * height * 3 else {
      throw MediaError("expected \(width * height * 3) bytes for \(width)x\(height) RGB pixels, found \(pixels.count)")
    }
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Longest side that is read or written.
  static let longestSide = 16384
  /// Most pixels that are read or written: 2^26, 201 MB of RGB.
  static let mostPixels = 1 << 26

  static func check(width: Int, height: Int, of what: String) throws(MediaError) {
    guard width > 0, height > 0, width <= longestSide, height <= longestSide, width * height <= mostPixels else {
      throw MediaError("\(what) of \(width)x\(height) pixels is refused; sides go from 1 to \(longestSide)")
    }
  }

  /// Fills an image's pixels in place.
  init(
    width: Int, height: Int, of what: String, fill: (UnsafeMutablePointer<UInt8>, Int) -> String?
  ) throws(MediaError) {
    try Self.check(width: width, height: height, of: what)
    var problem: String?
    let count = width * height * 3
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress { problem = fill(base, count) }
      // Bytes are trivial: where a decoder gave up, the array is thrown away.
      initialized = problem == nil ? count : 0
    }
    if let problem { throw MediaError("\(what) could not be decoded: \(problem)") }
    self.width = width
    self.height = height
    self.pixels = pixels
  }
}
