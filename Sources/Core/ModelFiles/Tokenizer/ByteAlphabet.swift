/// GPT-2's spelling of bytes as visible characters, which byte-level vocabularies are written in.
enum ByteAlphabet {
  /// The character of each byte.
  static let scalars: [Unicode.Scalar] = {
    var scalars: [Unicode.Scalar] = []
    var spare: UInt32 = 256
    for byte in UInt8.min...UInt8.max {
      switch byte {
      case 33...126, 161...172, 174...255: scalars.append(Unicode.Scalar(byte))
      default:
        // The 68 spares end at U+0143, so each is a scalar.
        scalars.append(Unicode.Scalar(spare) ?? Unicode.Scalar(byte))
        spare += 1
      }
    }
    return scalars
  }()

  private static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
    uniqueKeysWithValues: zip(scalars, UInt8.min...UInt8.max))

  /// The bytes spelled as UTF-8 text.
  static func spelling(of bytes: some Sequence<UInt8>) -> [UInt8] {
    bytes.flatMap { Array(String(scalars[Int($0)]).utf8) }
  }

  /// The bytes that `token`, in UTF-8, spells; text with other characters stands for itself.
  static func bytes(spelledBy token: [UInt8]) -> [UInt8] {
    var spelled: [UInt8] = []
    for scalar in String(decoding: token, as: UTF8.self).unicodeScalars {
      guard let byte = bytes[scalar] else { return token }
      spelled.append(byte)
    }
    return spelled
  }
}
