import Foundation
import ModelFiles
import OrderedCollections

/// Field numbers of W&B's `wandb_internal.proto`.
enum WandBField {
  enum Record { static let num = 1 }
  enum HeaderRecord { static let versionInfo = 1 }
  enum VersionInfo { static let producer = 1, minConsumer = 2 }
  enum RunRecord {
    static let runID = 1, entity = 2, project = 3, config = 4, jobType = 7, displayName = 8, notes = 9, tags = 10
    static let host = 13, startTime = 17
  }
  enum Timestamp { static let seconds = 1, nanos = 2 }
  enum ConfigRecord { static let update = 1 }
  /// Also of `SummaryRecord`, whose items are `update`.
  enum HistoryRecord { static let item = 1, step = 2 }
  enum HistoryStep { static let num = 1 }
  /// Of `ConfigItem`, `HistoryItem` and `SummaryItem`.
  enum Item { static let key = 1, nestedKey = 2, valueJSON = 16 }
  enum FilesRecord { static let files = 1 }
  enum FilesItem { static let path = 1 }
  enum RunExitRecord { static let exitCode = 1, runtime = 2 }
}

/// The messages of W&B's records.
enum WandBRecords {
  /// The kinds of records, by their field number in `Record`.
  enum Kind: Int {
    case history = 2
    case summary = 3
    case files = 6
    case run = 17
    case exit = 18
    case header = 21
  }

  /// `HeaderRecord`: the program that wrote the file, and the oldest version that can read it.
  static let header = ProtocolBuffer {
    $0.add(
      WandBField.HeaderRecord.versionInfo,
      ProtocolBuffer {
        $0.add(WandBField.VersionInfo.producer, "lerobot-wm")
        $0.add(WandBField.VersionInfo.minConsumer, "0.40.0")
      })
  }

  /// `RunRecord`
  static func run(_ description: WandBDescription, start: Date, host: String) -> ProtocolBuffer {
    typealias Field = WandBField.RunRecord
    return ProtocolBuffer {
      $0.add(Field.runID, description.runID)
      if let entity = description.entity { $0.add(Field.entity, entity) }
      $0.add(Field.project, description.project)
      $0.add(Field.config, configuration(description.configuration))
      $0.add(Field.jobType, "train_eval")
      $0.add(Field.displayName, description.name)
      if let notes = description.notes { $0.add(Field.notes, notes) }
      for tag in description.tags { $0.add(Field.tags, tag) }
      $0.add(Field.host, host)
      $0.add(Field.startTime, timestamp(start))
    }
  }

  /// The start time of a run that was read from a file.
  static func start(of run: ProtocolBufferFields) -> Date? {
    guard let seconds = run.message(WandBField.RunRecord.startTime)?.integer(WandBField.Timestamp.seconds),
      (0...1 << 40).contains(seconds)
    else { return nil }
    return Date(timeIntervalSince1970: Double(seconds))
  }

  static func record(_ number: Int, _ kind: Kind, _ message: ProtocolBuffer) -> ProtocolBuffer {
    ProtocolBuffer {
      $0.add(WandBField.Record.num, number)
      $0.add(kind.rawValue, message)
    }
  }

  /// `ConfigRecord`: one entry for each section or setting at the top.
  private static func configuration(_ configuration: JSON) -> ProtocolBuffer {
    ProtocolBuffer { record in
      for (key, value) in configuration.object ?? [:] {
        record.add(WandBField.ConfigRecord.update, item(WandBField.Item.key, key, value))
      }
    }
  }

  /// The items of a `HistoryRecord` or `SummaryRecord`; a nested key of one part, so that names may contain dots.
  static func items(_ items: OrderedDictionary<String, JSON>) -> ProtocolBuffer {
    ProtocolBuffer { record in
      for (name, value) in items {
        record.add(WandBField.HistoryRecord.item, item(WandBField.Item.nestedKey, name, value))
      }
    }
  }

  private static func item(_ keyField: Int, _ key: String, _ value: JSON) -> ProtocolBuffer {
    ProtocolBuffer {
      $0.add(keyField, key)
      $0.add(WandBField.Item.valueJSON, value.text(.compact))
    }
  }

  /// `FilesRecord`: the run's files, relative to its `files/`.
  static func files(_ paths: [String]) -> ProtocolBuffer {
    ProtocolBuffer { record in
      for path in paths {
        record.add(WandBField.FilesRecord.files, ProtocolBuffer { $0.add(WandBField.FilesItem.path, path) })
      }
    }
  }

  /// `RunExitRecord`
  static func exit(code: Int, seconds: Double) -> ProtocolBuffer {
    ProtocolBuffer {
      $0.add(WandBField.RunExitRecord.exitCode, code)
      $0.add(WandBField.RunExitRecord.runtime, Int(seconds))
    }
  }

  static func number(_ name: String, in row: ProtocolBufferFields) -> Double? {
    for item in row.contents(WandBField.HistoryRecord.item).compactMap(ProtocolBufferFields.init) {
      guard item.contents(WandBField.Item.nestedKey).map(Array.init) == [Array(name.utf8)],
        let text = item.contents(WandBField.Item.valueJSON).last
      else { continue }
      let value = (try? JSON(parsing: Array(text)))?.double
      if let value, value.isFinite, (0...1e12).contains(value) { return value }
    }
    return nil
  }

  private static func timestamp(_ date: Date) -> ProtocolBuffer {
    let seconds = date.timeIntervalSince1970
    return ProtocolBuffer {
      $0.add(WandBField.Timestamp.seconds, Int(seconds))
      $0.add(WandBField.Timestamp.nanos, Int((seconds - seconds.rounded(.down)) * 1e9))
    }
  }
}
