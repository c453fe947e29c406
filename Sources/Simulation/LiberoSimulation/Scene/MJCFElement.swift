import OrderedCollections

/// An element of an MJCF document: a name, attributes and children, in the document's order.
struct MJCFElement: Sendable, Equatable {
  var name: String
  var attributes: OrderedDictionary<String, String>
  var children: [MJCFElement]

  init(_ name: String, _ attributes: OrderedDictionary<String, String> = [:], _ children: [MJCFElement] = []) {
    self.name = name
    self.attributes = attributes
    self.children = children
  }

  subscript(attribute: String) -> String? {
    get { attributes[attribute] }
    set { attributes[attribute] = newValue }
  }

  /// The first child with an element name and, unless `named` is nil, an attribute `name`.
  func child(_ name: String, named: String? = nil) -> MJCFElement? {
    children.first { $0.name == name && (named == nil || $0["name"] == named) }
  }

  /// Calls `body` for this element and its descendants, parents first.
  func forEach(_ body: (MJCFElement) throws -> Void) rethrows {
    try body(self)
    for child in children { try child.forEach(body) }
  }

  /// This element and its descendants, parents first.
  var descendants: [MJCFElement] { [self] + children.flatMap(\.descendants) }

  /// Changes this element and its descendants, parents first.
  mutating func update(_ body: (inout MJCFElement) throws -> Void) rethrows {
    try body(&self)
    for index in children.indices { try children[index].update(body) }
  }

  /// Changes the first element of a name that `matches`, parents first; false if there is none.
  @discardableResult
  mutating func updateFirst(
    _ name: String, where matches: (MJCFElement) -> Bool, _ body: (inout MJCFElement) -> Void
  ) -> Bool {
    if self.name == name, matches(self) {
      body(&self)
      return true
    }
    for index in children.indices where children[index].updateFirst(name, where: matches, body) { return true }
    return false
  }

  /// Changes the first element with an element name and an attribute `name`; false if there is none.
  @discardableResult
  mutating func updateFirst(_ name: String, named: String, _ body: (inout MJCFElement) -> Void) -> Bool {
    updateFirst(name, where: { $0["name"] == named }, body)
  }

  var xml: String {
    var text = ""
    write(to: &text)
    return text
  }

  private func write(to text: inout String) {
    text += "<\(name)"
    for (key, value) in attributes {
      text += " \(key)=\""
      for character in value.unicodeScalars {
        switch character {
        case "&": text += "&amp;"
        case "<": text += "&lt;"
        case "\"": text += "&quot;"
        default: text.unicodeScalars.append(character)
        }
      }
      text += "\""
    }
    guard !children.isEmpty else {
      text += "/>\n"
      return
    }
    text += ">\n"
    for child in children { child.write(to: &text) }
    text += "</\(name)>\n"
  }
}

/// Numbers as an MJCF attribute; the shortest text that reads back to the same doubles.
func attribute(_ numbers: [Double]) -> String { numbers.map { "\($0)" }.joined(separator: " ") }

/// An MJCF attribute as finite numbers, or nil if it is missing or holds anything else.
func numbers(_ attribute: String?) -> [Double]? {
  guard let attribute else { return nil }
  var numbers: [Double] = []
  for word in attribute.split(whereSeparator: \.isWhitespace) {
    guard let number = Double(word), number.isFinite else { return nil }
    numbers.append(number)
  }
  return numbers
}
