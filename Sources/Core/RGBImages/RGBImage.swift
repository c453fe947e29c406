import Failures

/// An image: RGB, 8 bits a channel, row by row from the top.
///
/// Cameras, files, videos and policies all hand this one value on; no engine is needed to hold it.
public struct RGBImage: Sendable, Hashable {
  /// Pixels in a row.
  public let width: Int
  /// Rows.
  public let height: Int
  /// `[height, width, 3]`, row-major.
  public let pixels: [UInt8]

  /// Makes an image from its pixels.
  ///
  /// - Throws: if there are not `width * height * 3` of them or ``checkSize(width:height:of:)`` refuses the sides.
  public init(width: Int, height: Int, pixels: [UInt8]) throws {
    try Self.checkSize(width: width, height: height, of: "an image")
    guard pixels.count == width * height * 3 else {
      throw Failure("expected \(width * height * 3) bytes for \(width)x\(height) RGB pixels, found \(pixels.count)")
    }
    self.width = width
    self.height = height
    self.pixels = pixels
  }

  /// Longest side of an image.
  private static let longestSide = 16384
  /// Most pixels of an image: 2^26, 201 MB of RGB.
  private static let mostPixels = 1 << 26

  /// Refuses a size that no image has, before memory is asked for.
  ///
  /// - Parameter subject: what is of that size, as the sentence names it.
  /// - Throws: if a side is not in 1...16384 or there are more than 2^26 pixels.
  public static func checkSize(width: Int, height: Int, of subject: String) throws {
    guard width > 0, height > 0, width <= longestSide, height <= longestSide, width * height <= mostPixels else {
      throw Failure(
        "\(subject) of \(width)x\(height) pixels is refused; sides go from 1 to \(longestSide), and there are at most "
          + "\(mostPixels) pixels")
    }
  }
}
