import Failures
import Foundation
import ModelFiles

/// TensorBoard's event file: `OUTPUT/tensorboard/events.out.tfevents.SECONDS.HOST.PROCESS.0`.
///
/// Each session has a file of its own, as TensorBoard expects of a run that was taken up again: its first event tells
/// the reader to forget what an earlier one wrote from there on.
struct TensorBoardLog {
  private let file: AppendOnlyFile
  private let now: () -> Date

  /// Begins a session's file.
  ///
  /// - Parameters:
  ///   - step: the first step that this session writes; steps from there on that earlier ones wrote are forgotten.
  ///   - configuration: shown as a text.
  init(
    _ folder: URL, from step: Int, configuration: JSON, now: @escaping () -> Date = Date.init
  ) throws {
    do { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) } catch {
      throw FileError.system(folder.path, "be made", systemReason(of: error))
    }
    self.now = now
    file = try AppendOnlyFile(folder.appendingPathComponent(Self.name(in: folder, now())))
    try write(step: 0) { $0.add(3, "brain.Event:2") }
    // SessionLog.START
    try write(step: step) { $0.add(7, ProtocolBuffer { $0.add(1, 1) }) }
    let text = "```json\n\(configuration.text(.indented(2)))\n```"
    try write(step: step) { $0.add(5, ProtocolBuffer { $0.add(1, Self.text("config/text_summary", text)) }) }
  }

  /// Writes a step's numbers, as float32.
  func write(_ values: Metrics, step: Int) throws {
    let summary = ProtocolBuffer { summary in
      for (name, value) in values {
        summary.add(
          1,
          ProtocolBuffer {
            $0.add(1, name)
            $0.add(2, Float(value))
          })
      }
    }
    try write(step: step) { $0.add(5, summary) }
  }

  /// An event, framed as TensorFlow's record files are: length, its check, content, its check.
  private func write(step: Int, _ content: (inout ProtocolBuffer) -> Void) throws {
    let event = ProtocolBuffer {
      $0.add(1, now().timeIntervalSince1970)
      $0.add(2, step)
      content(&$0)
    }
    try file.append(Self.framed(event.bytes))
  }

  static func framed(_ content: [UInt8]) -> [UInt8] {
    let length = UInt64(content.count).littleEndianBytes
    return length + masked(length).littleEndianBytes + content + masked(content).littleEndianBytes
  }

  /// The check as TensorFlow stores it, so that checked bytes may hold checks themselves.
  private static func masked(_ bytes: [UInt8]) -> UInt32 {
    let check = CRC32.castagnoli(bytes)
    return (check >> 15 | check << 17) &+ 0xA282_EAD8
  }

  /// A value that the text plugin shows: a tensor of one string.
  private static func text(_ tag: String, _ text: String) -> ProtocolBuffer {
    ProtocolBuffer {
      $0.add(1, tag)
      $0.add(9, ProtocolBuffer { $0.add(1, ProtocolBuffer { $0.add(1, "text") }) })
      let shape = ProtocolBuffer { $0.add(2, ProtocolBuffer { $0.add(1, 1) }) }
      $0.add(
        8,
        ProtocolBuffer {
          $0.add(1, 7)  // DT_STRING
          $0.add(2, shape)
          $0.add(8, text)
        })
    }
  }

  /// Readers take a folder's files in the order of their names, so each session's must come after those before it.
  private static func name(in folder: URL, _ now: Date) -> String {
    let before = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).compactMap { name in
      name.hasPrefix("events.out.tfevents.") ? name.split(separator: ".").dropFirst(3).first.flatMap { Int($0) } : nil
    }
    let seconds = max(Int(now.timeIntervalSince1970), (before.filter { $0 < 1 << 40 }.max() ?? 0) + 1)
    return "events.out.tfevents.\(seconds).\(hostName()).\(getpid()).0"
  }
}

/// This machine's name as the system knows it, without asking the network.
func hostName() -> String {
  var name = [CChar](repeating: 0, count: 256)
  guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
  return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
}
