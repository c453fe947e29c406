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
