import Failures
import Foundation
import ModelFiles

/// Field numbers of TensorFlow's `event.proto`, `summary.proto`, `tensor.proto` and `tensor_shape.proto`.
private enum Field {
  enum Event { static let wallTime = 1, step = 2, fileVersion = 3, summary = 5, sessionLog = 7 }
  enum SessionLog { static let status = 1 }
  enum Summary { static let value = 1 }
  enum SummaryValue { static let tag = 1, simpleValue = 2, tensor = 8, metadata = 9 }
  enum SummaryMetadata { static let pluginData = 1 }
  enum PluginData { static let pluginName = 1 }
  enum Tensor { static let dtype = 1, tensorShape = 2, stringValue = 8 }
  enum TensorShape { static let dim = 2 }
  enum Dim { static let size = 1 }
}

/// TensorBoard's event file: `OUTPUT/tensorboard/events.out.tfevents.SECONDS.HOST.PROCESS.0`.
///
/// Each session has its own file, as TensorBoard expects of a resumed run: its first event tells the reader to drop an
/// earlier session's values from that step on.
struct TensorBoardLog {
  private let file: AppendOnlyFile
  private let now: () -> Date

  /// Creates a session's file.
  ///
  /// - Parameters:
  ///   - step: the first step that this session writes; earlier sessions' values from that step on are dropped.
  ///   - configuration: shown as a text.
  init(_ folder: URL, from step: Int, configuration: JSON, now: @escaping () -> Date = Date.init) throws {
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw FileError.system(folder.path, "be made", systemReason(of: error))
    }
    self.now = now
    file = try AppendOnlyFile(folder.appendingPathComponent(Self.name(in: folder, now())))
    try write(step: 0) { $0.add(Field.Event.fileVersion, "brain.Event:2") }
    let sessionStart = 1
    try write(step: step) {
      $0.add(Field.Event.sessionLog, ProtocolBuffer { $0.add(Field.SessionLog.status, sessionStart) })
    }
    let text = "```json\n\(configuration.text(.indented(2)))\n```"
    try write(step: step) {
      $0.add(
        Field.Event.summary, ProtocolBuffer { $0.add(Field.Summary.value, Self.text("config/text_summary", text)) })
    }
  }

  /// Writes a step's numbers, as float32.
  func write(_ values: Metrics, step: Int) throws {
    let summary = ProtocolBuffer { summary in
      for (name, value) in values {
        summary.add(
          Field.Summary.value,
          ProtocolBuffer {
            $0.add(Field.SummaryValue.tag, name)
            $0.add(Field.SummaryValue.simpleValue, Float(value))
          })
      }
    }
    try write(step: step) { $0.add(Field.Event.summary, summary) }
  }

  /// Appends an event as a TensorFlow record: length, its CRC, content, its CRC.
  private func write(step: Int, _ content: (inout ProtocolBuffer) -> Void) throws {
    let event = ProtocolBuffer {
      $0.add(Field.Event.wallTime, now().timeIntervalSince1970)
      $0.add(Field.Event.step, step)
      content(&$0)
    }
    try file.append(Self.framed(event.bytes))
  }

  static func framed(_ content: [UInt8]) -> [UInt8] {
    let length = UInt64(content.count).littleEndianBytes
    return length + masked(length).littleEndianBytes + content + masked(content).littleEndianBytes
  }

  /// TensorFlow's masked CRC, for data that contains CRCs.
  private static func masked(_ bytes: [UInt8]) -> UInt32 {
    let crc = CRC32.castagnoli(bytes)
    return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
  }

  /// A value of the text plugin: a tensor of one string.
  private static func text(_ tag: String, _ text: String) -> ProtocolBuffer {
    let plugin = ProtocolBuffer { $0.add(Field.PluginData.pluginName, "text") }
    let shape = ProtocolBuffer { $0.add(Field.TensorShape.dim, ProtocolBuffer { $0.add(Field.Dim.size, 1) }) }
    let stringType = 7
    let tensor = ProtocolBuffer {
      $0.add(Field.Tensor.dtype, stringType)
      $0.add(Field.Tensor.tensorShape, shape)
      $0.add(Field.Tensor.stringValue, text)
    }
    return ProtocolBuffer {
      $0.add(Field.SummaryValue.tag, tag)
      $0.add(Field.SummaryValue.metadata, ProtocolBuffer { $0.add(Field.SummaryMetadata.pluginData, plugin) })
      $0.add(Field.SummaryValue.tensor, tensor)
    }
  }

  /// Readers sort a folder's files by name, so each session's name must come after earlier ones.
  private static func name(in folder: URL, _ now: Date) -> String {
    let before = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).compactMap { name in
      name.hasPrefix("events.out.tfevents.") ? name.split(separator: ".").dropFirst(3).first.flatMap { Int($0) } : nil
    }
    let seconds = max(Int(now.timeIntervalSince1970), (before.filter { $0 < 1 << 40 }.max() ?? 0) + 1)
    return "events.out.tfevents.\(seconds).\(hostName()).\(getpid()).0"
  }
}

/// The system's host name, without a network request.
func hostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
  return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
