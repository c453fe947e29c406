import Foundation
import Testing

@testable import RGBImages

func golden(_ name: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: goldenURL(name))) }

func goldenURL(_ name: String) throws -> URL {
  try #require(Bundle.module.resourceURL).appendingPathComponent("Goldens").appendingPathComponent(name)
}

/// Runs `body` with a temporary folder.
func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-media-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}

/// The largest difference between two images' bytes.
func difference(_ first: [UInt8], _ second: [UInt8]) -> Int {
  guard first.count == second.count else { return .max }
  return zip(first, second).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

/// A frame of a smooth moving image.
func scene(_ frame: Int, width: Int = 64, height: Int = 48) throws -> RGBImage {
  var pixels: [UInt8] = []
  for y in 0..<height {
    for x in 0..<width {
      pixels += [UInt8((2 * x + 3 * frame) % 200), UInt8((3 * y + frame) % 200), UInt8((x + y) % 200)]
    }
  }
  return try RGBImage(width: width, height: height, pixels: pixels)
}
