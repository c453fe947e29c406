import Foundation

extension JSON {
  /// How a document is laid out.
  public enum Layout: Sendable, Equatable {
    /// One value per line, as Python's `json.dumps(value, indent=4)` writes it; LeRobot's files use 4.
    case indented(Int)
    /// One line with a space after `,` and `:`, as Python's `json.dumps(value)` writes it.
    case line
    case compact
  }

  /// The document as text, equal to what Python's `json` writes for the same values.
  ///
  /// Doubles are the shortest that read back alike and keep their point (`10.0`); non-finite ones become `NaN` and
  /// `Infinity`. With `ascii`, other characters are escaped as `json.dumps` does by default.
  public func text(_ layout: Layout = .indented(4), ascii: Bool = false) -> String {
    var writer = JSONWriter(layout: layout, ascii: ascii)
    writer.write(self, depth: 0)
    return String(decoding: writer.output, as: UTF8.self)
  }
}

private struct JSONWriter {
  let layout: JSON.Layout
  let ascii: Bool
  var output: [UInt8] = []

  init(layout: JSON.Layout, ascii: Bool) {
    self.layout = layout
    self.ascii = ascii
  }

  mutating func write(_ value: JSON, depth: Int) {
    switch value {
    case .null: append("null")
    case .bool(let flag): append(flag ? "true" : "false")
    case .integer(let number): append(String(number))
    case .number(let number): append(Self.text(of: number))
    case .string(let text): write(text)
    case .array(let elements):
      list("[", "]", elements, depth: depth) { writer, element in writer.write(element, depth: depth + 1) }
    case .object(let members):
      list("{", "}", members.elements, depth: depth) { writer, member in
        writer.write(member.key)
        writer.append(writer.layout == .compact ? ":" : ": ")
        writer.write(member.value, depth: depth + 1)
      }
    }
  }

  private mutating func list<Elements: Collection>(
    _ open: String, _ close: String, _ elements: Elements, depth: Int, _ body: (inout Self, Elements.Element) -> Void
  ) {
    append(open)
    for (index, element) in elements.enumerated() {
      if index > 0 { append(layout == .line ? ", " : ",") }
      startLine(depth + 1)
      body(&self, element)
    }
    if !elements.isEmpty { startLine(depth) }
    append(close)
  }

  private mutating func startLine(_ depth: Int) {
    guard case .indented(let width) = layout else { return }
    output.append(0x0A)
    output.append(contentsOf: repeatElement(0x20, count: width * depth))
  }

  private mutating func write(_ text: String) {
    append("\"")
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": append("\\\"")
      case "\\": append("\\\\")
      case "\n": append("\\n")
      case "\r": append("\\r")
      case "\t": append("\\t")
      case "\u{08}": append("\\b")
      case "\u{0C}": append("\\f")
      case _ where scalar.value < 0x20 || (ascii && scalar.value > 0x7E):
        for unit in String(scalar).utf16 { append("\\u" + Self.hexadecimal(unit)) }
      default: output.append(contentsOf: UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter)
      }
    }
    append("\"")
  }

  private mutating func append(_ text: String) { output.append(contentsOf: text.utf8) }

  private static func hexadecimal(_ unit: UInt16) -> String { String(unit, radix: 16).zeroPadded(to: 4) }

  private static func text(of number: Double) -> String {
    if number.isNaN { return "NaN" }
    if number.isInfinite { return number < 0 ? "-Infinity" : "Infinity" }
    // Swift turns to exponents above 2^53, Python from 1e16 on.
    if abs(number) > 0x1p53, abs(number) < 1e16, let whole = Int(exactly: number) { return "\(whole).0" }
    return number.description
  }
}
