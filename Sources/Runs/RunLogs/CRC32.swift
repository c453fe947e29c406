/// A cyclic redundancy check of 32 bits, reflected, beginning and ending with all bits turned.
struct CRC32: Sendable {
  private let table: [UInt32]

  /// CRC-32 of IEEE 802.3, as zlib's: the `.wandb` file's.
  static let ieee = Self(reflectedPolynomial: 0xEDB8_8320)
  /// CRC-32C (Castagnoli): the one of TensorFlow's record files.
  static let castagnoli = Self(reflectedPolynomial: 0x82F6_3B78)

  private init(reflectedPolynomial polynomial: UInt32) {
    table = (0..<256).map { byte in
      (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ polynomial : value >> 1 }
    }
  }

  /// The check of some bytes.
  func callAsFunction(_ bytes: some Sequence<UInt8>) -> UInt32 {
    ~bytes.reduce(~0) { check, byte in check >> 8 ^ table[Int(UInt8(truncatingIfNeeded: check) ^ byte)] }
  }
}

extension FixedWidthInteger {
  /// The number's bytes, the lowest first.
  var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }

  /// The number that begins with the lowest byte; the bytes must be as many as the number has.
  init(littleEndianBytes bytes: some Sequence<UInt8>) {
    self = bytes.reversed().reduce(0) { $0 << 8 | Self($1) }
  }
}
