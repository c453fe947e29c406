import RGBImages

/// How a camera was held, as an image file notes it (EXIF 2.3, tag 0x0112); Python's readers turn the image accordingly.
enum ExifOrientation: Int {
  case upright = 1, mirrored, upsideDown, flipped, transposed, quarterRight, transverse, quarterLeft

  /// Reads it out of a PNG or JPEG; upright where nothing is noted, or what is noted is damaged.
  init(of file: [UInt8]) {
    let tiff = file.starts(with: [0xFF, 0xD8]) ? Self.exifOfJPEG(file) : Self.exifOfPNG(file)
    self = tiff.flatMap(Self.orientation).flatMap(Self.init(rawValue:)) ?? .upright
  }

  private static func exifOfJPEG(_ file: [UInt8]) -> ArraySlice<UInt8>? {
    let mark: [UInt8] = Array("Exif\0\0".utf8)
    var place = 2
    while place + 4 <= file.count, file[place] == 0xFF {
      let kind = file[place + 1]
      let end = place + 2 + Int(file[place + 2]) << 8 + Int(file[place + 3])
      // The image's own data begin with the start of scan.
      guard kind != 0xDA, end <= file.count, end >= place + 4 else { return nil }
      let segment = file[(place + 4)..<end]
      if kind == 0xE1, segment.starts(with: mark) { return segment.dropFirst(mark.count) }
      place = end
    }
    return nil
  }

  private static func exifOfPNG(_ file: [UInt8]) -> ArraySlice<UInt8>? {
    var place = 8
    while place + 12 <= file.count {
      let length = file[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
      guard length <= file.count - place - 12 else { return nil }
      let kind = file[(place + 4)..<(place + 8)]
      if kind.elementsEqual("eXIf".utf8) { return file[(place + 8)..<(place + 8 + length)] }
      place += 12 + length
    }
    return nil
  }

  /// The orientation's number in a TIFF structure; nil where there is none.
  private static func orientation(_ tiff: ArraySlice<UInt8>) -> Int? {
    let bytes = Array(tiff)
    guard bytes.count >= 8 else { return nil }
    let isLittle = bytes.starts(with: Array("II".utf8))
    guard isLittle || bytes.starts(with: Array("MM".utf8)) else { return nil }
    func number(at place: Int, bytes count: Int) -> Int? {
      guard place >= 0, place + count <= bytes.count else { return nil }
      let part = bytes[place..<place + count]
      return (isLittle ? Array(part.reversed()) : Array(part)).reduce(0) { $0 << 8 | Int($1) }
    }
    guard let directory = number(at: 4, bytes: 4), let entries = number(at: directory, bytes: 2) else { return nil }
    for entry in 0..<entries {
      let place = directory + 2 + 12 * entry
      guard let tag = number(at: place, bytes: 2) else { return nil }
      if tag == 0x0112 { return number(at: place + 8, bytes: 2) }
    }
    return nil
  }

  /// Whether width and height change places.
  var isTurned: Bool { rawValue >= Self.transposed.rawValue }

  /// The image as it was seen.
  func upright(_ image: RGBImage) throws -> RGBImage {
    guard self != .upright else { return image }
    let (width, height) = (image.width, image.height)
    let (newWidth, newHeight) = isTurned ? (height, width) : (width, height)
    var pixels: [UInt8] = []
    pixels.reserveCapacity(image.pixels.count)
    for y in 0..<newHeight {
      for x in 0..<newWidth {
        let (column, row) = source(x, y, width, height)
        let place = 3 * (row * width + column)
        pixels += image.pixels[place..<place + 3]
      }
    }
    return try RGBImage(width: newWidth, height: newHeight, pixels: pixels)
  }

  /// Where a pixel of the upright image lies in the stored one.
  private func source(_ x: Int, _ y: Int, _ width: Int, _ height: Int) -> (column: Int, row: Int) {
    let (right, bottom) = (width - 1, height - 1)
    return switch self {
    case .upright: (x, y)
    case .mirrored: (right - x, y)
    case .upsideDown: (right - x, bottom - y)
    case .flipped: (x, bottom - y)
    case .transposed: (y, x)
    case .quarterRight: (y, bottom - x)
    case .transverse: (right - y, bottom - x)
    case .quarterLeft: (right - y, x)
    }
  }
}
