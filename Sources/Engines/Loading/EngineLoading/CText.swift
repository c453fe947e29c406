/// Text from C as Swift strings.
public enum CText {
  /// An engine's error message, or `no reason given` if it returned NULL.
  public static func message(_ text: UnsafePointer<CChar>?) -> String {
    text.map { String(cString: $0) } ?? "no reason given"
  }

  /// The text of a fixed-size C array, up to its first NUL.
  public static func string<Buffer: BitwiseCopyable>(of buffer: Buffer) -> String {
    withUnsafeBytes(of: buffer) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// The text that `fill` writes into a C buffer of `capacity` bytes, and the result of `fill`.
  public static func filled<Value>(
    capacity: Int, by fill: (UnsafeMutablePointer<CChar>, Int32) -> Value
  ) -> (text: String, value: Value) {
    var buffer = [CChar](repeating: 0, count: capacity)
    let value = fill(&buffer, Int32(capacity))
    return (String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self), value)
  }
}
