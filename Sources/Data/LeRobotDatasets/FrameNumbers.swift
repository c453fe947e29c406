import Failures
import OrderedCollections
import ParquetFiles
import Synchronization

/// The numeric features of the selected frames. A feature is read when it is first asked for and stays in memory, so what
/// is not used costs nothing and may be damaged.
final class FrameNumbers: Sendable {
  /// The features that are held as numbers.
  let features: OrderedDictionary<String, DatasetFeature>

  private let table: FrameTable
  private let loaded = Mutex<[String: [Float]]>([:])

  init(_ table: FrameTable, _ metadata: DatasetMetadata) {
    self.table = table
    features = metadata.features.filter {
      !$0.value.dataType.isVisual && $0.value.dataType != .string && DatasetFeature.bookkeeping[$0.key] == nil
    }
  }

  /// The features in memory.
  var loadedNames: [String] { loaded.withLock { $0.keys.sorted() } }

  /// A feature's numbers, `[frames, width]`; nil if there is no such feature.
  ///
  /// - Throws: if a file is damaged, lacks the column, or holds another shape than promised.
  func values(_ name: String) throws -> (values: [Float], width: Int)? {
    guard let feature = features[name] else { return nil }
    return try loaded.withLock { loaded in
      if let values = loaded[name] { return (values, feature.elementCount) }
      let values = try load(name, feature)
      loaded[name] = values
      return (values, feature.elementCount)
    }
  }

  private func load(_ name: String, _ feature: DatasetFeature) throws -> [Float] {
    let width = feature.elementCount
    // Memory is asked for only after the promised width was found.
    var values: [Float] = []
    let positions = Dictionary(grouping: table.places.indices) { table.places[$0] }
    for place in positions.keys.sorted(by: { ($0.file, $0.rowGroup) < ($1.file, $1.rowGroup) }) {
      let file = try table.files.file(Int(place.file))
      let column = try file.read(rowGroup: Int(place.rowGroup), columns: [name]).column(name)
      let source = try Self.numbers(column, feature, "\(name) in \(file.url.path)")
      if values.isEmpty { values = Array(repeating: 0, count: table.rows.count * width) }
      for position in positions[place] ?? [] {
        let row = Int(table.rows[position])
        guard (row + 1) * width <= source.count else {
          throw Failure(
            "expected \((row + 1) * width) numbers of \(name) in row group \(place.rowGroup) of \(file.url.path), found \(source.count)"
          )
        }
        values.replaceSubrange(
          position * width..<(position + 1) * width, with: source[row * width..<(row + 1) * width])
      }
    }
    return values
  }

  /// A feature's numbers `[rows, width]`, out of however many nested lists.
  private static func numbers(
    _ column: ParquetColumn, _ feature: DatasetFeature, _ place: String
  ) throws -> [Float] {
    let rows = column.count
    var column = column
    var sizes: [Int] = []
    while true {
      switch column.type {
      case .list, .largeList, .fixedSizeList:
        let (elements, lengths) = try column.flattened()
        guard let size = lengths.first ?? feature.shape.first, lengths.allSatisfy({ $0 == size }) else {
          throw Failure("expected vectors of the shape \(feature.shape) for \(place), found several lengths")
        }
        sizes.append(size)
        column = elements
      default:
        guard sizes == feature.shape || sizes.isEmpty && feature.shape == [1] || rows == 0 else {
          throw Failure("expected the shape \(feature.shape) for \(place), found \(sizes)")
        }
        return try column.floats()
      }
    }
  }
}
