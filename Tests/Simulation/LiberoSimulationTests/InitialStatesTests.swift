import Failures
import Foundation
import Testing

@testable import LiberoSimulation

struct InitialStatesTests {
  @Test(.needsPackages) func `of all 130 tasks are what NumPy reads`() throws {
    let packagedSettings = try #require(packagedSettings)
    let file = try #require(Bundle.module.url(forResource: "Goldens/initial_states", withExtension: "json"))
    let goldens = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: [Any]])
    #expect(goldens.count == 130)
    for (path, golden) in goldens {
      let states = try InitialStates(contentsOf: packagedSettings.initialStates.appendingPathComponent(path))
      #expect([states.count, states.width] == [golden[0] as? Int, golden[1] as? Int])
      var bytes: [UInt8] = []
      for episode in 0..<states.count {
        let state = try states.state(episode: episode, positions: states.width - 1, velocities: 0)
        for number in [state.time] + state.positions {
          withUnsafeBytes(of: number.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
        }
      }
      #expect(sha256(bytes).prefix(16) == golden[2] as? String ?? "", "\(path)")
    }
  }

  @Test(.needsPackages) func `of another length than the scene's are refused`() throws {
    let packagedSettings = try #require(packagedSettings)
    let task = try LiberoSuite.spatial.task(0, packagedSettings)
    let states = try InitialStates(contentsOf: task.initialStatesFile)
    let error = #expect(throws: Failure.self) { try states.state(episode: 0, positions: 40, velocities: 30) }
    #expect(error?.description.contains("holds states of 92 numbers, and the scene needs 71") == true)
    let wrapped = try states.state(episode: 51, positions: 48, velocities: 43)
    #expect(try wrapped == states.state(episode: 1, positions: 48, velocities: 43))
  }

  @Test(.needsPackages) func `that are cut or altered anywhere are refused or read, never more`() throws {
    let packagedSettings = try #require(packagedSettings)
    let task = try LiberoSuite.spatial.task(0, packagedSettings)
    let whole = try [UInt8](Data(contentsOf: task.initialStatesFile))
    let pickle = try #require(try StoredZip(whole, file: "t").member(endingIn: "data.pkl"))
    #expect((try? PickledArray(pickle, file: "t"))?.shape == [50, 92])
    for length in stride(from: 0, to: pickle.count, by: 97) {
      #expect(throws: Failure.self) { try PickledArray(pickle.prefix(length), file: "t") }
    }
    for position in 0..<260 {
      for value: UInt8 in [0, 0x2E, 0x28, 0x52, 0x85, 0xFF] {
        var altered = pickle
        altered[altered.startIndex + position] = value
        _ = try? PickledArray(altered, file: "t")
      }
    }
    for length in stride(from: 0, to: whole.count, by: 499) {
      #expect(throws: Failure.self) { try StoredZip(Array(whole.prefix(length)), file: "t") }
    }
    for position in (whole.count - 200)..<whole.count {
      var altered = whole
      altered[position] ^= 0xFF
      _ = try? StoredZip(altered, file: "t")
    }
  }

  @Test(arguments: [
    ("\u{80}\u{02}cos\nsystem\nX\u{02}\u{00}\u{00}\u{00}ls\u{85}R.", "it would call 'os system', which no array needs"),
    ("\u{80}\u{02}K\u{01}.", "it holds something else"),
    ("\u{80}\u{02}]", "it uses pickle instruction 93, which no array needs"),
    ("\u{80}\u{02}t.", "a tuple has no mark"),
    ("\u{80}\u{02}N" + String(repeating: "\u{85}", count: 5000), "it has more instructions than an array needs"),
  ])
  func `that would do anything but hold an array are refused`(_ pickle: String, _ reason: String) {
    let bytes = pickle.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
    let error = #expect(throws: Failure.self) { try PickledArray(bytes[...], file: "t") }
    #expect(error?.description == "t should hold a pickled NumPy array of doubles: \(reason)")
  }
}
