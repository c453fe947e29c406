import Foundation
import Testing

@testable import ModelFiles

struct RowFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func row(_ number: Int) -> [UInt8] { (0..<70).map { UInt8(truncatingIfNeeded: number * 31 + $0) } }

  private func read(_ file: RowFile, _ row: Int) throws -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: file.rowBytes)
    try bytes.withUnsafeMutableBytes { try file.read(row, into: $0) }
    return bytes
  }

  @Test func `rows are found again by a later process, in any order`() throws {
    let url = folder("rows")
    for numbers in [[3, 0], [1]] {
      let file = try RowFile(url, count: 5, rowBytes: 70)
      for number in numbers { try row(number).withUnsafeBytes { try file.write(number, $0) } }
    }
    let file = try RowFile(url, count: 5, rowBytes: 70)
    #expect(file.presentCount == 3 && !file.contains(2) && !file.contains(-1) && !file.contains(5))
    for number in [0, 1, 3] { #expect(try read(file, number) == row(number)) }
    #expect(throws: FileError.self) { try read(file, 2) }
    #expect(throws: FileError.self) { try RowFile(url, count: 6, rowBytes: 70) }
  }

  @Test(arguments: [0, 31, 32, 69]) func `a row that was changed is refused, wherever it was`(place: Int) throws {
    let url = folder("rows")
    do {
      let file = try RowFile(url, count: 2, rowBytes: 70)
      for number in 0..<2 { try row(number).withUnsafeBytes { try file.write(number, $0) } }
    }
    var bytes = try Data(contentsOf: url)
    bytes[70 + place] ^= 4
    try bytes.write(to: url)
    let file = try RowFile(url, count: 2, rowBytes: 70)
    #expect(try read(file, 0) == row(0))
    let error = #expect(throws: FileError.self) { try read(file, 1) }
    #expect(error?.description.contains("row 1 is not what was written") == true)
  }

  @Test func `rows of a file that was removed are not said to be there`() throws {
    let url = folder("rows")
    let file = try RowFile(url, count: 2, rowBytes: 70)
    try row(0).withUnsafeBytes { try file.write(0, $0) }
    try FileManager.default.removeItem(at: url)
    let error = #expect(throws: FileError.self) { try file.synchronize() }
    #expect(error?.description.contains("was removed or replaced") == true)
  }

  @Test func `zeros have a checksum that is not zero`() {
    for count in [1, 8, 32, 4096] {
      let zeros = [UInt8](repeating: 0, count: count)
      #expect(zeros.withUnsafeBytes(RowFile.checksum) != 0)
    }
  }
}
