import Failures
import Foundation

extension MJCFElement {
  /// Reads an XML document as MJCF uses it: elements, attributes, comments; text between elements is ignored.
  ///
  /// A document type is refused, so entities cannot be declared, expanded or fetched.
  init(parsing text: String, file: String) throws {
    do {
      var reader = MJCFReader(text)
      self = try reader.document()
    } catch let error as MJCFReader.SyntaxError {
      throw Failure("\(file):\(error.line): \(error.reason)")
    }
  }

  init(contentsOf file: URL) throws {
    guard FileManager.default.fileExists(atPath: file.path) else { throw Failure.missing(file.path, "the scene") }
    guard let text = try? String(contentsOf: file, encoding: .utf8) else {
      throw Failure("\(file.path) cannot be read as text, and the scene cannot be built without it")
    }
    try self.init(parsing: text, file: file.path)
  }
}

/// A reader of the XML that MJCF files consist of.
struct MJCFReader {
  /// Why a document was refused.
  struct SyntaxError: Error {
    let line: Int
    let reason: String
  }

  private let bytes: [UInt8]
  private var position = 0

  /// How deeply elements may nest: many times what any model needs, and too little to exhaust the stack.
  private static let maximumDepth = 200

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func document() throws -> MJCFElement {
    if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { position = 3 }
    try skipToTag()
    guard position < bytes.count else { throw failure("expected an element, found none") }
    let element = try element(depth: 0)
    try skipToTag()
    guard position == bytes.count else { throw failure("expected nothing after the outermost element") }
    return element
  }

  /// Skips text, comments and processing instructions; stops before an element's tag or at the end.
  private mutating func skipToTag() throws {
    while let byte = peek() {
      if byte != UInt8(ascii: "<") {
        position += 1
      } else if follows("<!--") {
        try skip(past: "-->", of: "a comment")
      } else if follows("<?") {
        try skip(past: "?>", of: "a processing instruction")
      } else if follows("<!") {
        throw failure("a document type or raw text is not supported")
      } else {
        return
      }
    }
  }

  private mutating func element(depth: Int) throws -> MJCFElement {
    guard depth < Self.maximumDepth else { throw failure("elements nest too deeply") }
    position += 1
    var element = MJCFElement(try name())
    while true {
      skipSpace()
      if take("/>") { return element }
      if take(">") { break }
      let key = try name()
      skipSpace()
      guard take("=") else { throw failure("expected '=' after attribute '\(key)'") }
      skipSpace()
      guard element.attributes[key] == nil else { throw failure("a second attribute '\(key)'") }
      element.attributes[key] = try value(of: key)
    }
    while true {
      try skipToTag()
      guard position < bytes.count else { throw failure("<\(element.name)> has no end tag") }
      guard follows("</") else {
        element.children.append(try self.element(depth: depth + 1))
        continue
      }
      position += 2
      let closing = try name()
      skipSpace()
      guard closing == element.name, take(">") else {
        throw failure("expected </\(element.name)>, found </\(closing)>")
      }
      return element
    }
  }

  private mutating func name() throws -> String {
    let start = position
    while let byte = peek(), !Self.space.contains(byte), !Array("=/><\"'".utf8).contains(byte) { position += 1 }
    guard position > start else { throw failure("expected a name") }
    return String(decoding: bytes[start..<position], as: UTF8.self)
  }

  private mutating func value(of key: String) throws -> String {
    guard let quote = peek(), quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
      throw failure("expected a quoted value of '\(key)'")
    }
    position += 1
    var value: [UInt8] = []
    while let byte = peek() {
      position += 1
      switch byte {
      case quote: return String(decoding: value, as: UTF8.self)
      case UInt8(ascii: "<"): throw failure("'<' inside the value of '\(key)'")
      case UInt8(ascii: "&"): value += try entity()
      // White space inside a value counts as one space each.
      case _ where Self.space.contains(byte): value.append(UInt8(ascii: " "))
      default: value.append(byte)
      }
    }
    throw failure("the value of '\(key)' has no end")
  }

  private mutating func entity() throws -> [UInt8] {
    for (text, byte) in [("amp;", "&"), ("lt;", "<"), ("gt;", ">"), ("quot;", "\""), ("apos;", "'")] where take(text) {
      return Array(byte.utf8)
    }
    throw failure("an unknown entity")
  }

  private static let space = Array(" \t\r\n".utf8)

  private func peek() -> UInt8? { position < bytes.count ? bytes[position] : nil }

  private mutating func skipSpace() {
    while let byte = peek(), Self.space.contains(byte) { position += 1 }
  }

  private func follows(_ text: String) -> Bool { bytes[position...].starts(with: text.utf8) }

  private mutating func take(_ text: String) -> Bool {
    guard follows(text) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func skip(past end: String, of what: String) throws {
    while position < bytes.count {
      if take(end) { return }
      position += 1
    }
    throw failure("\(what) has no end")
  }

  private func failure(_ reason: String) -> SyntaxError {
    SyntaxError(line: bytes[..<position].count { $0 == UInt8(ascii: "\n") } + 1, reason: reason)
  }
}
