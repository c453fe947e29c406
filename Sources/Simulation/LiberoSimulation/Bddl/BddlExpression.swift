/// A parenthesized expression with its position in the file: a word, or a list of expressions.
struct BddlExpression: Sendable {
  enum Content: Sendable {
    case word(String)
    case list([BddlExpression])
  }

  let content: Content
  /// Where it starts in the file.
  let position: BddlPosition

  /// How deeply lists may nest: twenty times what any task needs, and too little to exhaust the stack.
  private static let maximumDepth = 100

  /// Parses a text with one expression. As in LIBERO's parser, case is ignored and `;` starts a comment.
  init(parsing text: String) throws {
    var open: [(start: BddlPosition, items: [BddlExpression])] = []
    var root: BddlExpression?
    for token in Self.tokens(text) {
      if let root {
        throw BddlSyntaxError(token.position, "the expression of line \(root.position.line) has already ended")
      }
      let finished: BddlExpression
      switch token.text {
      case "(":
        guard open.count < Self.maximumDepth else {
          throw BddlSyntaxError(token.position, "parentheses nest too deeply")
        }
        open.append((token.position, []))
        continue
      case ")":
        guard let list = open.popLast() else { throw BddlSyntaxError(token.position, "')' without a '('") }
        finished = BddlExpression(content: .list(list.items), position: list.start)
      default: finished = BddlExpression(content: .word(token.text), position: token.position)
      }
      if open.isEmpty { root = finished } else { open[open.count - 1].items.append(finished) }
    }
    if let unclosed = open.last { throw BddlSyntaxError(unclosed.start, "'(' without a ')'") }
    guard let root else { throw BddlSyntaxError(BddlPosition(line: 1, column: 1), "the file is empty") }
    self = root
  }

  private init(content: Content, position: BddlPosition) {
    self.content = content
    self.position = position
  }

  private static func tokens(_ text: String) -> [(text: String, position: BddlPosition)] {
    var tokens: [(text: String, position: BddlPosition)] = []
    var number = 0
    // Every system's line ends, as Python reads a text: a comment ends with its line.
    for line in text.split(omittingEmptySubsequences: false, whereSeparator: { ["\n", "\r\n", "\r"].contains($0) }) {
      number += 1
      var rest = line.prefix { $0 != ";" }.lowercased()[...]
      var column = 1
      while let first = rest.first {
        let word = "()".contains(first) ? rest.prefix(1) : rest.prefix { !$0.isWhitespace && !"()".contains($0) }
        if word.isEmpty {
          rest.removeFirst()
          column += 1
        } else {
          tokens.append((String(word), BddlPosition(line: number, column: column)))
          rest = rest.dropFirst(word.count)
          column += word.count
        }
      }
    }
    return tokens
  }
}

/// A position in a file; both numbers count from 1.
public struct BddlPosition: Sendable, Equatable {
  public let line: Int
  public let column: Int
}

extension BddlExpression {
  /// The word, or an error that names what was expected.
  func word(_ expected: String) throws -> String {
    guard case .word(let word) = content else {
      throw BddlSyntaxError(position, "expected \(expected), found a list")
    }
    return word
  }

  /// The list's members, or an error that names what was expected.
  func list(_ expected: String) throws -> [BddlExpression] {
    guard case .list(let items) = content else {
      throw BddlSyntaxError(position, "expected \(expected), found '\(try word(expected))'")
    }
    return items
  }

  /// All members of a list as words.
  func words(_ expected: String) throws -> [String] {
    var words: [String] = []
    for item in try list("a list of \(expected)s") { words.append(try item.word(expected)) }
    return words
  }

  /// All members of a list as finite numbers.
  func numbers(_ count: Int, of what: String) throws -> [Double] {
    let items = try list("\(count) numbers for \(what)")
    guard items.count == count else {
      throw BddlSyntaxError(position, "expected \(count) numbers for \(what), found \(items.count)")
    }
    var numbers: [Double] = []
    for item in items {
      let word = try item.word("a number")
      guard let number = Double(word), number.isFinite else {
        throw BddlSyntaxError(item.position, "expected a number, found '\(word)'")
      }
      numbers.append(number)
    }
    return numbers
  }
}
