import Foundation
import ModelFiles
import OrderedCollections

/// The messages of W&B's records, by the field numbers of its published `wandb_internal.proto`.
enum WandBRecords {
  /// The kinds of record that are written, by their field in `Record`.
  enum Kind: Int {
    case history = 2
    case summary = 3
    case files = 6
    case run = 17
    case exit = 18
    case header = 21
  }

  /// `HeaderRecord`: who wrote this, and the oldest reader that understands it.
  static let header = ProtocolBuffer {
    $0.add(
      1,
      ProtocolBuffer {
        $0.add(1, "lerobot-wm")
        $0.add(2, "0.40.0")
      })
  }

  /// `RunRecord`
  static func run(_ description: WandBDescription, start: Date, host: String) -> ProtocolBuffer {
    ProtocolBuffer {
      $0.add(1, description.runID)
      if let entity = description.entity { $0.add(2, entity) }
      $0.add(3, description.project)
      $0.add(4, configuration(description.configuration))
      $0.add(7, "train_eval")
      $0.add(8, description.name)
      if let notes = description.notes { $0.add(9, notes) }
      for tag in description.tags { $0.add(10, tag) }
      $0.add(13, host)
      $0.add(17, timestamp(start))
    }
  }

  /// When a run that was written before began.
  static func start(of run: ProtocolBufferFields) -> Date? {
    guard let seconds = run.message(17)?.integer(1), (0...1 << 40).contains(seconds) else { return nil }
    return Date(timeIntervalSince1970: Double(seconds))
  }

  static func record(_ number: Int, _ kind: Kind, _ message: ProtocolBuffer) -> ProtocolBuffer {
    ProtocolBuffer {
      $0.add(1, number)
      $0.add(kind.rawValue, message)
    }
  }

  /// `ConfigRecord`: one entry for each section or setting at the top.
  private static func configuration(_ configuration: JSON) -> ProtocolBuffer {
    ProtocolBuffer { record in
      for (key, value) in configuration.object ?? [:] {
        record.add(
          1,
          ProtocolBuffer {
            $0.add(1, key)
            $0.add(16, value.text(.compact))
          })
      }
    }
  }

  /// The items of a `HistoryRecord` or `SummaryRecord`; names stay whole, whatever slashes and dots they hold.
  static func items(_ items: OrderedDictionary<String, JSON>) -> ProtocolBuffer {
    ProtocolBuffer { record in
      for (name, value) in items {
        record.add(
          1,
          ProtocolBuffer {
            $0.add(2, name)
            $0.add(16, value.text(.compact))
          })
      }
    }
  }

  /// `FilesRecord`: files below the run's `files/` that belong to it.
  static func files(_ paths: [String]) -> ProtocolBuffer {
    ProtocolBuffer { record in
      for path in paths { record.add(1, ProtocolBuffer { $0.add(1, path) }) }
    }
  }

  /// `RunExitRecord`
  static func exit(code: Int, seconds: Double) -> ProtocolBuffer {
    ProtocolBuffer {
      $0.add(1, code)
      $0.add(2, Int(seconds))
    }
  }

  static func number(_ name: String, in row: ProtocolBufferFields) -> Double? {
    for item in row.contents(1).compactMap(ProtocolBufferFields.init) {
      guard item.contents(2).map(Array.init) == [Array(name.utf8)], let text = item.contents(16).last else { continue }
      let value = (try? JSON(parsing: Array(text)))?.double
      if let value, value.isFinite, (0...1e12).contains(value) { return value }
    }
    return nil
  }

  private static func timestamp(_ date: Date) -> ProtocolBuffer {
    let seconds = date.timeIntervalSince1970
    return ProtocolBuffer {
      $0.add(1, Int(seconds))
      $0.add(2, Int((seconds - seconds.rounded(.down)) * 1e9))
    }
  }
}
