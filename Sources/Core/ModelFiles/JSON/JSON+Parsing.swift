import Foundation
import OrderedCollections

/// Where and why a text is not JSON.
public struct JSONError: Error, Equatable, CustomStringConvertible {
  /// The line, counted from 1.
  public let line: Int
  /// The column in bytes, counted from 1.
  public let column: Int
  /// What was expected and what was found.
  public let message: String

  /// The place and the message in one clause.
  public var description: String { "line \(line), column \(column): \(message)" }
}

extension JSON {
  /// The document that `text` spells; Python's `NaN`, `Infinity` and `-Infinity` are numbers.
  public init(parsing text: String) throws { try self.init(parsing: Array(text.utf8)) }

  /// The document that the UTF-8 `bytes` spell; of an object's equal keys the last one counts, as in Python.
  ///
  /// Integers that fit into `Int` stay whole; others become `Double`. Values nested deeper than 128 are refused.
  public init(parsing bytes: [UInt8]) throws {
    var parser = JSONParser(bytes: bytes)
    self = try parser.document()
  }
}

/// A recursive-descent parser over UTF-8 bytes.
private struct JSONParser {
  let bytes: [UInt8]
  var position = 0
  var depth = 0
  static let deepest = 128

  init(bytes: [UInt8]) { self.bytes = bytes }

  mutating func document() throws -> JSON {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    let value = try value()
    skipSpace()
    guard position == bytes.count else { throw failure("expected the end of the document, found \(found)") }
    return value
  }

  private mutating func value() throws -> JSON {
    skipSpace()
    guard let byte = peek else { throw failure("expected a value, found the end") }
    switch byte {
    case UInt8(ascii: "{"): return try nested { parser throws in try parser.object() }
    case UInt8(ascii: "["): return try nested { parser throws in try parser.array() }
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
    default: return try word()
    }
  }

  private mutating func nested(_ body: (inout Self) throws -> JSON) throws -> JSON {
    guard depth < Self.deepest else { throw failure("values are nested deeper than \(Self.deepest)") }
    depth += 1
    position += 1
    let value = try body(&self)
    depth -= 1
    return value
  }

  private mutating func object() throws -> JSON {
    var members = OrderedDictionary<String, JSON>()
    skipSpace()
    if take("}") { return .object(members) }
    while true {
      skipSpace()
      guard peek == UInt8(ascii: "\"") else { throw failure("expected a key in quotes, found \(found)") }
      let key = try string()
      skipSpace()
      guard take(":") else { throw failure("expected ':' after key \"\(key)\", found \(found)") }
      members[key] = try value()
      skipSpace()
      if take("}") { return .object(members) }
      guard take(",") else { throw failure("expected ',' or '}', found \(found)") }
    }
  }

  private mutating func array() throws -> JSON {
    var elements: [JSON] = []
    skipSpace()
    if take("]") { return .array(elements) }
    while true {
      elements.append(try value())
      skipSpace()
      if take("]") { return .array(elements) }
      guard take(",") else { throw failure("expected ',' or ']', found \(found)") }
    }
  }

  private mutating func word() throws -> JSON {
    for (spelling, value) in Self.words where bytes[position...].starts(with: spelling.utf8) {
      position += spelling.utf8.count
      return value
    }
    throw failure("expected a value, found \(found)")
  }

  private static let words: [(String, JSON)] = [
    ("null", .null), ("true", .bool(true)), ("false", .bool(false)), ("NaN", .number(.nan)),
    ("Infinity", .number(.infinity)),
  ]

  private mutating func number() throws -> JSON {
    let start = position
    let negative = take("-")
    if negative, bytes[position...].starts(with: "Infinity".utf8) {
      position += 8
      return .number(-.infinity)
    }
    let leading = peek
    guard digits() > 0 else { throw failure("expected a digit, found \(found)") }
    if leading == UInt8(ascii: "0"), position - start > (negative ? 2 : 1) {
      position = start
      throw failure("a number may not start with 0 and another digit")
    }
    var whole = true
    if take(".") {
      whole = false
      guard digits() > 0 else { throw failure("expected a digit after '.', found \(found)") }
    }
    if take("e") || take("E") {
      whole = false
      if !take("+") { _ = take("-") }
      guard digits() > 0 else { throw failure("expected a digit in the exponent, found \(found)") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if whole, let value = Int(text) { return .integer(value) }
    guard let value = Double(text) else { throw failure("\(text) is no number") }
    return .number(value)
  }

  private mutating func digits() -> Int {
    let start = position
    while let byte = peek, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    return position - start
  }

  private mutating func string() throws -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = peek {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("the text that ends here is not valid UTF-8")
        }
        return string
      case UInt8(ascii: "\\"):
        position += 1
        try escape(into: &text)
      case 0..<0x20:
        throw failure("control characters in text must be escaped, found \(found)")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw failure("expected '\"' at the end of a text, found the end")
  }

  private mutating func escape(into text: inout [UInt8]) throws {
    guard let byte = peek else { throw failure("expected an escape, found the end") }
    if byte == UInt8(ascii: "u") {
      position += 1
      text.append(contentsOf: String(try escapedScalar()).utf8)
      return
    }
    guard let plain = Self.escapes[byte] else { throw failure("no such escape: \\\(found)") }
    text.append(plain)
    position += 1
  }

  private static let escapes: [UInt8: UInt8] = [
    0x22: 0x22, 0x5C: 0x5C, 0x2F: 0x2F, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10,
    UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9,
  ]

  private mutating func escapedScalar() throws -> Character {
    let first = try hexadecimal()
    if (0xD800..<0xDC00).contains(first), take("\\") {
      guard take("u") else { throw failure("expected the second half of a surrogate pair, found \(found)") }
      let second = try hexadecimal()
      if (0xDC00..<0xE000).contains(second),
        let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
      {
        return Character(scalar)
      }
    } else if let scalar = Unicode.Scalar(first) {
      return Character(scalar)
    }
    throw failure("half of a surrogate pair stands alone")
  }

  private mutating func hexadecimal() throws -> UInt32 {
    let end = min(position + 4, bytes.count)
    let digits = String(decoding: bytes[position..<end], as: UTF8.self)
    guard digits.utf8.count == 4, digits.allSatisfy(\.isHexDigit), let value = UInt32(digits, radix: 16) else {
      throw failure("expected four hexadecimal digits, found \(found)")
    }
    position = end
    return value
  }

  // MARK: Bytes

  private var peek: UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
    guard peek == UInt8(ascii: scalar) else { return false }
    position += 1
    return true
  }

  private mutating func skipSpace() {
    while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
  }

  private var found: String {
    guard let byte = peek else { return "the end" }
    return (0x21..<0x7F).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
  }

  private func failure(_ message: String) -> JSONError {
    let before = bytes[..<min(position, bytes.count)]
    let lineStart = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
    let line = before.count(where: { $0 == 0x0A }) + 1
    return JSONError(line: line, column: position - lineStart + 1, message: message)
  }
}
