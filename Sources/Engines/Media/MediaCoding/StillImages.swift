import CMedia
import EngineLoading
import Failures
import Foundation
import RGBImages

public enum PNG {
  /// Reads an image; palettes and gray become RGB, 16 bits become 8, and transparency is dropped.
  ///
  /// - Throws: `Failure`, if the bytes are not a valid PNG or the image is larger than 16384 pixels a side.
  public static func decode(_ bytes: [UInt8]) throws -> RGBImage {
    let api = try MediaEngine.stills
    return try StillCodec(name: "a PNG", size: api.png_size, decode: api.png_decode).decode(bytes, api)
  }

  public static func encode(_ image: RGBImage) throws -> [UInt8] {
    let api = try MediaEngine.stills
    return try collect("a PNG", api) { bytes, count in
      api.png_encode(image.pixels, Int32(image.width), Int32(image.height), bytes, count)
    }
  }
}

public enum JPEG {
  /// Reads an image.
  ///
  /// - Throws: `Failure`, if the bytes are not a valid JPEG or the image is larger than 16384 pixels a side.
  public static func decode(_ bytes: [UInt8]) throws -> RGBImage {
    let api = try MediaEngine.stills
    return try StillCodec(name: "a JPEG", size: api.jpeg_size, decode: api.jpeg_decode).decode(bytes, api)
  }

  /// Writes an image, `quality` from 1 to 100.
  public static func encode(_ image: RGBImage, quality: Int = 90) throws -> [UInt8] {
    let api = try MediaEngine.stills
    return try collect("a JPEG", api) { bytes, count in
      api.jpeg_encode(
        image.pixels, Int32(image.width), Int32(image.height), Int32(max(1, min(100, quality))), bytes, count)
    }
  }
}

extension RGBImage {
  /// Reads a PNG or a JPEG, recognized by its first bytes, and turns it as its EXIF data say the camera was held.
  public init(decoding bytes: [UInt8]) throws {
    let stored: RGBImage
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      stored = try PNG.decode(bytes)
    } else if bytes.starts(with: [0xFF, 0xD8]) {
      stored = try JPEG.decode(bytes)
    } else {
      throw Failure("expected a PNG or JPEG image, found \(bytes.count) bytes of something else")
    }
    self = try ExifOrientation(of: bytes).upright(stored)
  }
}

private struct StillCodec {
  typealias Size =
    @convention(c) (
      UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<Int32>?, UnsafeMutablePointer<Int32>?
    ) -> Int32
  typealias Decode = @convention(c) (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<UInt8>?, Int) -> Int32

  let name: String
  let size: Size?
  let decode: Decode?

  func decode(_ bytes: [UInt8], _ api: wm_media_api) throws -> RGBImage {
    guard let size, let decode else { throw Failure("the codecs are not loaded; \(EngineLibraries.remedy)") }
    var width: Int32 = 0
    var height: Int32 = 0
    guard size(bytes, bytes.count, &width, &height) == 0 else {
      throw Failure("\(name) of \(bytes.count) bytes could not be decoded: \(api.problem)")
    }
    return try RGBImage(width: Int(width), height: Int(height), of: name) { pixels, capacity in
      decode(bytes, bytes.count, pixels, capacity) == 0 ? nil : api.problem
    }
  }
}

private func collect(
  _ name: String, _ api: wm_media_api,
  _ encode: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>, UnsafeMutablePointer<Int>) -> Int32
) throws -> [UInt8] {
  var bytes: UnsafeMutablePointer<UInt8>?
  var count = 0
  guard encode(&bytes, &count) == 0, let bytes else {
    throw Failure("\(name) could not be written: \(api.problem)")
  }
  defer { api.free_bytes(bytes) }
  return Array(UnsafeBufferPointer(start: bytes, count: count))
}
