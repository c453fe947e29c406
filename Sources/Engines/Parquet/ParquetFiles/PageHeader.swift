/// The header of a Parquet page: a Thrift structure in the compact protocol.
struct PageHeader {
  enum Kind { case data, dictionary, other }

  /// Parquet's numbers of encodings.
  static let plain = 0, plainDictionary = 2, dictionaryIndices = 8

  let kind: Kind
  /// Bytes of the body, decoded and in the file.
  let decodedSize: Int, storedSize: Int
  /// Values, nulls included, and how they are encoded.
  let count: Int, encoding: Int

  /// Reads a header and leaves the cursor at the page's body.
  init(_ cursor: inout FileCursor) throws {
    let fields = try cursor.thriftStructure()
    guard let kind = fields[1]?.integer, let decodedSize = fields[2]?.integer, let storedSize = fields[3]?.integer,
      [decodedSize, storedSize].allSatisfy({ (0...Int(Int32.max)).contains($0) }),
      storedSize <= cursor.end - cursor.position
    else { throw NotLocatable() }
    let details: [Int: ThriftValue]?
    switch kind {
    case 0: (self.kind, details) = (.data, fields[5]?.structure)
    case 2: (self.kind, details) = (.dictionary, fields[7]?.structure)
    default: (self.kind, details) = (.other, [1: .integer(0), 2: .integer(0)])
    }
    guard let count = details?[1]?.integer, count >= 0, let encoding = details?[2]?.integer else {
      throw NotLocatable()
    }
    (self.decodedSize, self.storedSize, self.count, self.encoding) = (decodedSize, storedSize, count, encoding)
  }
}

/// What a field of a Thrift structure holds, as far as page headers need it.
enum ThriftValue {
  case integer(Int)
  case structure([Int: ThriftValue])
  /// A value that was skipped.
  case other

  var integer: Int? { if case .integer(let value) = self { value } else { nil } }
  var structure: [Int: ThriftValue]? { if case .structure(let fields) = self { fields } else { nil } }
}

extension FileCursor {
  /// A structure of Thrift's compact protocol: its fields by number.
  mutating func thriftStructure(depth: Int = 0) throws -> [Int: ThriftValue] {
    guard depth < 8 else { throw NotLocatable() }
    var fields: [Int: ThriftValue] = [:]
    var number = 0
    while true {
      let head = try next()
      if head == 0 { return fields }
      let step = Int(head >> 4)
      number = step > 0 ? number &+ step : try zigzag()
      fields[number] = try thriftValue(type: head & 15, depth: depth)
    }
  }

  private mutating func zigzag() throws -> Int {
    let value = try variableLength()
    return Int(bitPattern: UInt(value >> 1)) ^ -Int(value & 1)
  }

  private mutating func thriftValue(type: UInt8, depth: Int) throws -> ThriftValue {
    switch type {
    case 1, 2: return .other  // A boolean lies in its field's type.
    case 3: position += 1
    case 4, 5, 6: return .integer(try zigzag())
    case 7: position += 8
    case 8:
      let length = try variableLength()
      guard length <= UInt64(max(0, end - position)) else { throw NotLocatable() }
      position += Int(length)
    case 12: return .structure(try thriftStructure(depth: depth + 1))
    default: throw NotLocatable()  // Headers hold no lists, sets or maps.
    }
    return .other
  }
}
