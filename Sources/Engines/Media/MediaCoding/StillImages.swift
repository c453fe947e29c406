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
    return try StillCodec.png(api).decode(bytes, api)
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
    return try StillCodec.jpeg(api).decode(bytes, api)
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
  /// The size of the image that ``init(decoding:)`` would make, read from the file's head.
  public static func size(ofEncoded bytes: [UInt8]) throws -> (height: Int, width: Int) {
    let api = try MediaEngine.stills
    let stored = try StillCodec(of: bytes, api).size(bytes, api)
    return ExifOrientation(of: bytes).isTurned ? (stored.width, stored.height) : stored
  }

  /// Reads a PNG or a JPEG, recognized by its first bytes, and turns it as its EXIF data say the camera was held.
  public init(decoding bytes: [UInt8]) throws {
    let api = try MediaEngine.stills
    self = try ExifOrientation(of: bytes).upright(StillCodec(of: bytes, api).decode(bytes, api))
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

  static func png(_ api: wm_media_api) -> StillCodec {
    StillCodec(name: "a PNG", size: api.png_size, decode: api.png_decode)
  }

  static func jpeg(_ api: wm_media_api) -> StillCodec {
    StillCodec(name: "a JPEG", size: api.jpeg_size, decode: api.jpeg_decode)
  }

  func size(_ bytes: [UInt8], _ api: wm_media_api) throws -> (height: Int, width: Int) {
    guard let size else { throw Failure("the codecs are not loaded; \(EngineLibraries.remedy)") }
    var width: Int32 = 0
    var height: Int32 = 0
    guard size(bytes, bytes.count, &width, &height) == 0 else {
      throw Failure("\(name) of \(bytes.count) bytes could not be decoded: \(api.problem)")
    }
    return (Int(height), Int(width))
  }

  func decode(_ bytes: [UInt8], _ api: wm_media_api) throws -> RGBImage {
    guard let decode else { throw Failure("the codecs are not loaded; \(EngineLibraries.remedy)") }
    let (height, width) = try size(bytes, api)
    return try RGBImage(width: width, height: height, of: name) { pixels, capacity in
      decode(bytes, bytes.count, pixels, capacity) == 0 ? nil : api.problem
    }
  }
}

extension StillCodec {
  /// The codec that a file's first bytes ask for.
  init(of bytes: [UInt8], _ api: wm_media_api) throws {
    if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) {
      self = .png(api)
    } else if bytes.starts(with: [0xFF, 0xD8]) {
      self = .jpeg(api)
    } else {
      throw Failure("expected a PNG or JPEG image, found \(bytes.count) bytes of something else")
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
