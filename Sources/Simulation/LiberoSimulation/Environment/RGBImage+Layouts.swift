import RGBImages

extension RGBImage {
  /// The image's bytes with its bottom row first, as in OpenGL and robosuite.
  var bottomUp: [UInt8] {
    stride(from: pixels.count - width * 3, through: 0, by: -width * 3).flatMap { pixels[$0..<($0 + width * 3)] }
  }

  /// The image's bytes channel by channel: `[3, height, width]`.
  var channelsFirst: [UInt8] {
    (0..<3).flatMap { channel in stride(from: channel, to: pixels.count, by: 3).map { pixels[$0] } }
  }
}
