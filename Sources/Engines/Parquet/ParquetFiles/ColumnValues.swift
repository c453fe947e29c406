/// A column's values, ready to be written.
public indirect enum ColumnValues: Sendable {
  case booleans([Bool])
  /// Integers, narrowed to the field's integer type.
  case integers([Int])
  /// Float32 values.
  case floats([Float])
  /// Float64 values.
  case doubles([Double])
  case strings([String])
  case binaries([[UInt8]])
  /// Lists: all elements in order, and each list's length.
  case lists(ColumnValues, lengths: [Int])
  /// Lists of one length: all elements in a row.
  case fixedSizeLists(ColumnValues, size: Int)
  /// Structures, member by member in the type's order.
  case structures([ColumnValues])

  /// Rows.
  public var count: Int {
    switch self {
    case .booleans(let values): values.count
    case .integers(let values): values.count
    case .floats(let values): values.count
    case .doubles(let values): values.count
    case .strings(let values): values.count
    case .binaries(let values): values.count
    case .lists(_, let lengths): lengths.count
    case .fixedSizeLists(let elements, let size): size == 0 ? 0 : elements.count / size
    case .structures(let members): members.first?.count ?? 0
    }
  }
}
