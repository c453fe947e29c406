import Foundation
import ModelFiles
import OrderedCollections
import ParquetFiles

/// What the recorder keeps of a saved episode until `meta/episodes` is written.
struct EpisodeRecord {
  var index: Int
  var task: String
  var frames: Range<Int>
  var chunk: Int, file: Int
  var videos: OrderedDictionary<String, Episode.Video>
  var statistics: OrderedDictionary<String, FeatureStatistics>
}

/// Writes `meta/episodes/chunk-000/file-000.parquet` with LeRobot's columns in LeRobot's order.
func writeEpisodes(_ records: [EpisodeRecord], features: OrderedDictionary<String, DatasetFeature>, root: URL) throws {
  let url = try PathTemplate.episodes.url(in: root, chunk: 0, file: 0)
  try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
  guard let first = records.first else { return }
  let template = try columns([first], features)
  let writer = try ParquetWriter(url, fields: template.map(\.field))
  for start in stride(from: 0, to: records.count, by: 100) {
    try writer.write(columns(Array(records[start..<min(start + 100, records.count)]), features).map(\.values))
  }
  try writer.finish()
}

private func columns(
  _ records: [EpisodeRecord], _ features: OrderedDictionary<String, DatasetFeature>
) throws -> [(field: ParquetField, values: ColumnValues)] {
  func whole(_ name: String, _ value: (EpisodeRecord) -> Int) -> (ParquetField, ColumnValues) {
    (ParquetField(name, .int64), .integers(records.map(value)))
  }
  var columns: [(ParquetField, ColumnValues)] = [
    whole("episode_index", \.index),
    (
      ParquetField("tasks", .list(.string)),
      .lists(.strings(records.map(\.task)), lengths: Array(repeating: 1, count: records.count))
    ),
    whole("length", \.frames.count), whole("data/chunk_index", \.chunk), whole("data/file_index", \.file),
    whole("dataset_from_index", \.frames.lowerBound), whole("dataset_to_index", \.frames.upperBound),
  ]
  for key in records.first?.videos.keys ?? [] {
    func time(_ name: String, _ value: (Episode.Video) -> Double) -> (ParquetField, ColumnValues) {
      (ParquetField("videos/\(key)/\(name)", .float64), .doubles(records.map { $0.videos[key].map(value) ?? 0 }))
    }
    columns += [
      whole("videos/\(key)/chunk_index") { $0.videos[key]?.chunk ?? 0 },
      whole("videos/\(key)/file_index") { $0.videos[key]?.file ?? 0 },
      time("from_timestamp", \.start), time("to_timestamp", \.end),
    ]
  }
  for (key, first) in records.first?.statistics ?? [:] {
    let type = features[key]?.dataType ?? .float32
    for (position, (name, _)) in first.named.enumerated() {
      let values = records.flatMap { $0.statistics[key]?.named[position].values ?? [] }
      columns.append(column("stats/\(key)/\(name)", name, values, first.shape, type, records.count))
    }
  }
  columns += [whole("meta/episodes/chunk_index") { _ in 0 }, whole("meta/episodes/file_index") { _ in 0 }]
  return columns
}

/// One statistic of all episodes: lists nested as its shape says, extremes in the feature's own type.
private func column(
  _ column: String, _ name: String, _ values: [Double], _ shape: [Int], _ type: DatasetFeature.DataType, _ rows: Int
) -> (ParquetField, ColumnValues) {
  var element: (ColumnType, ColumnValues) = (.float64, .doubles(values))
  if name == "count" {
    element = (.int64, .integers(values.map { Int($0) }))
  } else if name == "min" || name == "max" {
    switch type {
    case .bool: element = (.bool, .booleans(values.map { $0 != 0 }))
    case .int8, .int16, .int32, .int64, .uint8: element = (.int64, .integers(values.map { Int($0) }))
    default: break
    }
  }
  for size in (name == "count" ? [1] : shape).reversed() {
    let lists = size > 0 ? element.1.count / size : rows
    element = (.list(element.0), .lists(element.1, lengths: Array(repeating: size, count: lists)))
  }
  return (ParquetField(column, element.0), element.1)
}

/// Writes `meta/tasks.parquet` as pandas does: the words are the index.
func writeTasks(_ tasks: OrderedSet<String>, root: URL) throws {
  let description: JSON = [
    "index_columns": ["__index_level_0__"],
    "column_indexes": [
      [
        "name": nil, "field_name": nil, "pandas_type": "unicode", "numpy_type": "object",
        "metadata": ["encoding": "UTF-8"],
      ]
    ],
    "columns": [
      [
        "name": "task_index", "field_name": "task_index", "pandas_type": "int64", "numpy_type": "int64",
        "metadata": nil,
      ],
      [
        "name": nil, "field_name": "__index_level_0__", "pandas_type": "unicode", "numpy_type": "object",
        "metadata": nil,
      ],
    ],
    "creator": ["library": "pyarrow", "version": "26.0.0"], "pandas_version": "2.2.0",
  ]
  let writer = try ParquetWriter(
    root.appendingPathComponent("meta/tasks.parquet"),
    fields: [ParquetField("task_index", .int64), ParquetField("__index_level_0__", .string)],
    metadata: [("pandas", description.text(.line))])
  try writer.write([.integers(Array(tasks.indices)), .strings(Array(tasks))])
  try writer.finish()
}

/// The `huggingface` key of the data files' schema, from which `datasets` knows images from structures.
func huggingFaceMetadata(_ features: OrderedDictionary<String, DatasetFeature>) -> String {
  var entries: OrderedDictionary<String, JSON> = [:]
  for (name, feature) in features where feature.dataType != .video {
    let value: JSON = ["dtype": .string(feature.dataType.rawValue), "_type": "Value"]
    if feature.dataType == .image {
      entries[name] = ["_type": "Image"]
    } else if feature.shape == [1] {
      entries[name] = value
    } else {
      entries[name] = ["feature": value, "length": .integer(feature.elementCount), "_type": "List"]
    }
  }
  let document: JSON = ["info": ["features": .object(entries)]]
  return document.text(.line)
}
