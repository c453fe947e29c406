extension String {
  /// An engine's error message, or a placeholder if it returned NULL.
  public init(engineMessage text: UnsafePointer<CChar>?) {
    self = text.map { String(cString: $0) } ?? "no reason given"
  }

  /// The text of a fixed-size C array, up to its first NUL.
  public init<Buffer: BitwiseCopyable>(cBuffer: Buffer) {
    self = withUnsafeBytes(of: cBuffer) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// The text that `fill` writes into a C buffer of `capacity` bytes, and the result of `fill`.
  public static func filled<Value>(
    capacity: Int, by fill: (UnsafeMutablePointer<CChar>, Int32) -> Value
  ) -> (text: String, value: Value) {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: capacity) { buffer in
      buffer.initialize(repeating: 0)
      guard let start = buffer.baseAddress else { preconditionFailure("a C buffer needs a capacity") }
      let value = fill(start, Int32(capacity))
      return (String(decoding: UnsafeRawBufferPointer(buffer).prefix { $0 != 0 }, as: UTF8.self), value)
    }
  }
}
