import Failures
import RGBImages
import Testing

@Test func `an image holds three bytes for each pixel`() throws {
  let image = try RGBImage(width: 2, height: 1, pixels: [1, 2, 3, 4, 5, 6])
  #expect(image.width == 2 && image.height == 1 && image.pixels == [1, 2, 3, 4, 5, 6])
  #expect(throws: Failure.self) { try RGBImage(width: 2, height: 2, pixels: [1, 2, 3]) }
}

@Test(arguments: [(0, 4), (4, 0), (-1, -1), (16385, 1), (16384, 16384), (.max, .max)])
func `sides that no image has are refused`(_ width: Int, _ height: Int) {
  #expect(throws: Failure.self) { try RGBImage(width: width, height: height, pixels: []) }
}
