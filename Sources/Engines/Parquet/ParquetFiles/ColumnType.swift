import CArrow

/// The type of a column's values.
public indirect enum ColumnType: Sendable, Hashable {
  /// Booleans, and integers by their bits.
  case bool, int8, uint8, int16, uint16, int32, uint32, int64, uint64
  /// Numbers by their bits.
  case float32, float64
  /// Text and bytes; the large ones have 64-bit offsets.
  case string, largeString, binary, largeBinary
  /// Lists of any length; the large one has 64-bit offsets.
  case list(ColumnType), largeList(ColumnType)
  case fixedSizeList(ColumnType, Int)
  case structure([ParquetField])
  /// A type that is not supported, by its Arrow format string.
  case other(String)
}

/// A named column of a schema or a member of a structure.
public struct ParquetField: Sendable, Hashable {
  public let name: String
  public let type: ColumnType

  public init(_ name: String, _ type: ColumnType) {
    self.name = name
    self.type = type
  }
}

extension ColumnType {
  var isInteger: Bool {
    switch self {
    case .int8, .uint8, .int16, .uint16, .int32, .uint32, .int64, .uint64: true
    default: false
    }
  }

  /// Leaf types and the format strings of the Arrow C Data Interface.
  static let formats: [(type: ColumnType, format: String)] = [
    (.bool, "b"), (.int8, "c"), (.uint8, "C"), (.int16, "s"), (.uint16, "S"), (.int32, "i"), (.uint32, "I"),
    (.int64, "l"), (.uint64, "L"), (.float32, "f"), (.float64, "g"), (.string, "u"), (.largeString, "U"),
    (.binary, "z"), (.largeBinary, "Z"),
  ]

  init(_ schema: ArrowSchema) {
    let format = schema.format.map { String(cString: $0) } ?? ""
    let children = (0..<Int(schema.n_children)).compactMap { schema.children?[$0]?.pointee }
    if schema.dictionary != nil {
      self = .other("dictionary of \(format)")
    } else if let leaf = Self.formats.first(where: { $0.format == format }) {
      self = leaf.type
    } else if format == "+l", let element = children.first {
      self = .list(ColumnType(element))
    } else if format == "+L", let element = children.first {
      self = .largeList(ColumnType(element))
    } else if format.hasPrefix("+w:"), let size = Int(format.dropFirst(3)), size >= 0, let element = children.first {
      self = .fixedSizeList(ColumnType(element), size)
    } else if format == "+s" {
      self = .structure(children.map(ParquetField.init))
    } else {
      self = .other(format)
    }
  }

  /// The C Data Interface's format string.
  var format: String {
    switch self {
    case .list: "+l"
    case .largeList: "+L"
    case .fixedSizeList(_, let size): "+w:\(size)"
    case .structure: "+s"
    case .other(let format): format
    default: Self.formats.first { $0.type == self }?.format ?? ""
    }
  }

  /// The fields under this type; a list's element is named `element`, as in Arrow's own files.
  var children: [ParquetField] {
    switch self {
    case .list(let element), .largeList(let element), .fixedSizeList(let element, _): [ParquetField("element", element)]
    case .structure(let fields): fields
    default: []
    }
  }
}

extension ParquetField {
  init(_ schema: ArrowSchema) {
    self.init(schema.name.map { String(cString: $0) } ?? "", ColumnType(schema))
  }
}

extension ColumnType: CustomStringConvertible {
  /// The type as Arrow prints it, such as `fixed_size_list<float32>[6]`.
  public var description: String {
    switch self {
    case .bool: "bool"
    case .int8: "int8"
    case .uint8: "uint8"
    case .int16: "int16"
    case .uint16: "uint16"
    case .int32: "int32"
    case .uint32: "uint32"
    case .int64: "int64"
    case .uint64: "uint64"
    case .float32: "float32"
    case .float64: "float64"
    case .string: "string"
    case .largeString: "large_string"
    case .binary: "binary"
    case .largeBinary: "large_binary"
    case .list(let element): "list<\(element)>"
    case .largeList(let element): "large_list<\(element)>"
    case .fixedSizeList(let element, let size): "fixed_size_list<\(element)>[\(size)]"
    case .structure(let fields): "struct<\(fields.map { "\($0.name): \($0.type)" }.joined(separator: ", "))>"
    case .other(let format): "unsupported type \(format)"
    }
  }
}
