import Foundation
import ModelFiles
import Testing

@testable import RunLogs

/// Bytes of a hexadecimal text.
private func bytes(_ hexadecimal: String) -> [UInt8] {
  stride(from: 0, to: hexadecimal.count, by: 2).compactMap { index in
    UInt8(hexadecimal.dropFirst(index).prefix(2), radix: 16)
  }
}

struct FormatTests {
  /// The check values of the catalogue of parametrized CRC algorithms, and RFC 3720's of 32 zeros.
  @Test func `checks are the published ones`() {
    #expect(CRC32.ieee("123456789".utf8) == 0xCBF4_3926)
    #expect(CRC32.castagnoli("123456789".utf8) == 0xE306_9283)
    #expect(CRC32.castagnoli([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(CRC32.ieee([]) == 0)
  }

  /// Varints as the encoding's documentation shows them: 150, and -1 in ten bytes.
  @Test func `messages are Protocol Buffers`() throws {
    #expect(ProtocolBuffer { $0.add(1, 150) }.bytes == [0x08, 0x96, 0x01])
    #expect(ProtocolBuffer { $0.add(2, "testing") }.bytes == bytes("120774657374696e67"))
    #expect(ProtocolBuffer { $0.add(3, ProtocolBuffer { $0.add(1, 150) }) }.bytes == [0x1A, 3, 0x08, 0x96, 0x01])
    let message = ProtocolBuffer {
      $0.add(1, -1)
      $0.add(1000, Int.max)
      $0.add(3, 1.5)
      $0.add(4, Float(0.25))
      $0.add(5, "a")
      $0.add(5, "b")
    }
    #expect(message.bytes.starts(with: [0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x01]))
    let fields = try #require(ProtocolBufferFields(message.bytes[...]))
    #expect(fields.integer(1) == -1 && fields.integer(1000) == Int.max && fields.integer(7) == nil)
    #expect(fields.contents(5).map { Array($0) } == [Array("a".utf8), Array("b".utf8)])
    // Cut anywhere it is either fewer whole fields or none at all, never a crash.
    for count in 0..<message.bytes.count { _ = ProtocolBufferFields(message.bytes.prefix(count)) }
    for broken in [[0x08], [0x0A, 5, 1], [0x09, 1], [0x0B], [UInt8](repeating: 0xFF, count: 11)] as [[UInt8]] {
      #expect(ProtocolBufferFields(broken[...]) == nil, "\(broken)")
    }
  }

  /// What TensorBoard's own writer gives for these two events.
  @Test func `events are TensorBoard's`() {
    let version = ProtocolBuffer {
      $0.add(1, 1.5)
      $0.add(3, "brain.Event:2")
    }
    #expect(
      TensorBoardLog.framed(version.bytes)
        == bytes("1800000000000000a37f4b2209000000000000f83f1a0d627261696e2e4576656e743a322a28646c"))
    let session = ProtocolBuffer {
      $0.add(1, 1.5)
      $0.add(2, 7)
      $0.add(7, ProtocolBuffer { $0.add(1, 1) })
    }
    #expect(
      TensorBoardLog.framed(session.bytes) == bytes("0f000000000000006d532b0909000000000000f83f10073a020801774771c7"))
  }

  /// What the wandb package's own writer gives for a row.
  @Test func `rows are W&B's`() {
    let row = ProtocolBuffer {
      $0.add(1, 3)
      $0.add(
        2,
        ProtocolBuffer {
          $0.append(WandBRecords.items(["train/loss": 0.25, "_step": 7]))
          $0.add(2, ProtocolBuffer { $0.add(1, 7) })
        })
    }
    #expect(
      LevelDBLogWriter.header + LevelDBLogWriter.framed(row.bytes, at: LevelDBLogWriter.header.count)
        == bytes(
          "3a572642e1be00a62594c12a0001080312260a13120a747261696e2f6c6f7373820104302e32350a0b12055f7374657082010137"
            + "12020807"))
  }

  /// Lengths that end before, on and behind the borders of blocks, against the CRC-32 of the wandb package's file.
  @Test func `records cross blocks as W&B's do, and are read back`() {
    let records = [0, 1, 100, 32640, 5, 40000, 7, 32754, 0, 100_000, 32761, 32762, 3].enumerated().map { index, count in
      (0..<count).map { UInt8((index * 31 + $0) % 251) }
    }
    var file = LevelDBLogWriter.header
    var ends: [Int] = []
    for record in records {
      file += LevelDBLogWriter.framed(record, at: file.count)
      ends.append(file.count)
    }
    #expect(file.count == 271_187)
    #expect(CRC32.ieee(file) == 0xA0B0_403E)
    #expect(LevelDBLogWriter.records(in: file).map(\.content) == records)
    #expect(LevelDBLogWriter.records(in: file).map(\.end) == ends)
    for cut in [0, 3, 7, 8, 20, 32_768, 32_770, 100_000, file.count - 1] {
      let whole = ends.count { $0 <= cut }
      #expect(
        LevelDBLogWriter.records(in: Array(file.prefix(cut))).map(\.content) == Array(records.prefix(whole)), "\(cut)")
    }
    file[ends[5] - 1] ^= 1
    #expect(LevelDBLogWriter.records(in: file).count == 5)
  }
}
