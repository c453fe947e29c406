import Failures
import Foundation
import RGBImages
import Testing

@testable import MediaCoding

@Test(arguments: ["rgb", "rgba", "gray", "gray_alpha", "palette", "palette_clear", "bits", "gamma"])
func `PNG images decode to Pillow's pixels`(name: String) throws {
  let image = try PNG.decode(golden("\(name).png"))
  #expect(image.width == 17 && image.height == 13)
  #expect(try image.pixels == golden("\(name).png.rgb"))
}

@Test(arguments: ["scene", "scene444", "progressive", "gray"])
func `JPEG images decode to Pillow's pixels`(name: String) throws {
  let image = try RGBImage(decoding: golden("\(name).jpg"))
  #expect(image.width == 48 && image.height == 32)
  // Pillow bundles another libjpeg-turbo; its inverse transform rounds alike, so one level is generous.
  #expect(try difference(image.pixels, golden("\(name).jpg.rgb")) <= 1)
}

// What Pillow's ImageOps.exif_transpose makes of an image of 3x2 pixels, the numbers being those of its rows.
private let turned: [(orientation: Int, size: [Int], pixels: [UInt8])] = [
  (1, [3, 2], [0, 1, 2, 3, 4, 5]), (2, [3, 2], [2, 1, 0, 5, 4, 3]), (3, [3, 2], [5, 4, 3, 2, 1, 0]),
  (4, [3, 2], [3, 4, 5, 0, 1, 2]), (5, [2, 3], [0, 3, 1, 4, 2, 5]), (6, [2, 3], [3, 0, 4, 1, 5, 2]),
  (7, [2, 3], [5, 2, 4, 1, 3, 0]), (8, [2, 3], [2, 5, 1, 4, 0, 3]), (9, [3, 2], [0, 1, 2, 3, 4, 5]),
]

/// The EXIF structure with an orientation, in one byte order or the other.
private func exif(_ orientation: Int, isLittle: Bool) -> [UInt8] {
  let number = UInt8(orientation)
  return isLittle
    ? Array("II*".utf8) + [0, 8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, number, 0, 0, 0, 0, 0, 0, 0]
    : Array("MM".utf8) + [0, 42, 0, 0, 0, 8, 0, 1, 1, 0x12, 0, 3, 0, 0, 0, 1, 0, number, 0, 0, 0, 0, 0, 0]
}

@Test(arguments: turned, [false, true])
func `a PNG is turned as its EXIF data say`(
  _ expected: (orientation: Int, size: [Int], pixels: [UInt8]), isLittle: Bool
) throws {
  let stored = try RGBImage(width: 3, height: 2, pixels: (0..<6).flatMap { [UInt8($0), 0, 0] })
  var bytes = try PNG.encode(stored)
  let data = exif(expected.orientation, isLittle: isLittle)
  // After the header; its check sum is not looked at.
  bytes.insert(contentsOf: [0, 0, 0, UInt8(data.count)] + Array("eXIf".utf8) + data + [0, 0, 0, 0], at: 33)
  guard let image = try? RGBImage(decoding: bytes) else {
    // libpng may refuse the check sum; the orientation is read all the same.
    #expect(ExifOrientation(of: bytes).rawValue == expected.orientation % 9 + expected.orientation / 9)
    return
  }
  #expect([image.width, image.height] == expected.size)
  #expect(try RGBImage.size(ofEncoded: bytes) == (image.height, image.width))
  #expect(stride(from: 0, to: 18, by: 3).map { image.pixels[$0] } == expected.pixels)
}

@Test(arguments: [false, true]) func `a JPEG of a camera on its side is turned, and damaged EXIF data turn nothing`(
  isLittle: Bool
) throws {
  let whole = try golden("scene.jpg")
  let upright = try RGBImage(decoding: whole)
  func noted(_ data: [UInt8]) -> [UInt8] {
    let segment = Array("Exif\0\0".utf8) + data
    return Array(whole.prefix(2)) + [0xFF, 0xE1, 0, UInt8(segment.count + 2)] + segment + Array(whole.dropFirst(2))
  }
  let image = try RGBImage(decoding: noted(exif(6, isLittle: isLittle)))
  #expect(image.width == upright.height && image.height == upright.width)
  #expect(try RGBImage.size(ofEncoded: noted(exif(6, isLittle: isLittle))) == (image.height, image.width))
  #expect(try RGBImage.size(ofEncoded: whole) == (upright.height, upright.width))
  #expect(throws: Failure.self) { try RGBImage.size(ofEncoded: Array("GIF89a".utf8)) }
  // A quarter to the right: the lower left corner comes to the upper left.
  #expect(Array(image.pixels.prefix(3)) == Array(upright.pixels[(3 * 48 * 31)..<(3 * 48 * 31 + 3)]))
  for count in 0..<exif(6, isLittle: isLittle).count where count < 18 {
    #expect(try RGBImage(decoding: noted(Array(exif(6, isLittle: isLittle).prefix(count)))) == upright)
  }
}

@Test func `PNG keeps every pixel and JPEG comes close`() throws {
  let image = try scene(3)
  #expect(try PNG.decode(PNG.encode(image)) == image)
  let jpeg = try JPEG.decode(JPEG.encode(image, quality: 95))
  let error = zip(jpeg.pixels, image.pixels).map { abs(Int($0) - Int($1)) }.reduce(0, +)
  #expect(Double(error) / Double(image.pixels.count) < 5)
}

@Test func `truncated images are errors at every length`() throws {
  for name in ["rgb.png", "scene.jpg", "progressive.jpg"] {
    let whole = try golden(name)
    for count in stride(from: 0, to: whole.count - 2, by: 7) {
      #expect(throws: Failure.self) { try RGBImage(decoding: Array(whole.prefix(count))) }
    }
  }
}

@Test func `damaged images never crash`() throws {
  for name in ["rgb.png", "palette.png", "scene.jpg", "progressive.jpg"] {
    let whole = try golden(name)
    for position in whole.indices {
      var damaged = whole
      damaged[position] ^= 0x5A
      _ = try? RGBImage(decoding: damaged)
    }
  }
}

@Test func `unreasonable sizes are refused before allocation`() throws {
  var bytes = try golden("rgb.png")
  bytes.replaceSubrange(16..<24, with: [0, 0, 0x40, 1, 0, 0, 0, 13])
  #expect(throws: Failure.self) { try PNG.decode(bytes) }
}
