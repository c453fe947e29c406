import Failures
import RGBImages

extension RGBImage {
  /// The picture with left and right exchanged.
  func mirrored() throws -> RGBImage {
    var turned = pixels
    for start in stride(from: 0, to: pixels.count, by: width * 3) {
      for column in 0..<width {
        for channel in 0..<3 {
          turned[start + column * 3 + channel] = pixels[start + (width - 1 - column) * 3 + channel]
        }
      }
    }
    return try RGBImage(width: width, height: height, pixels: turned)
  }

  /// The picture's bytes with its bottom row first, as OpenGL and robosuite have them.
  var bottomUp: [UInt8] {
    stride(from: pixels.count - width * 3, through: 0, by: -width * 3).flatMap { pixels[$0..<($0 + width * 3)] }
  }

  /// The picture's bytes channel by channel: `[3, height, width]`.
  var channelsFirst: [UInt8] {
    (0..<3).flatMap { channel in stride(from: channel, to: pixels.count, by: 3).map { pixels[$0] } }
  }
}
