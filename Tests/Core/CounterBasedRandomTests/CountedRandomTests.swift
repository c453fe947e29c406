import Foundation
import Testing

@testable import CounterBasedRandom

struct CountedRandomTests {
  @Test func `Philox returns the known answers of the Random123 distribution`() {
    let zero = CountedRandom.philox(counter: (0, 0, 0, 0), key: (0, 0))
    #expect(zero == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = CountedRandom.philox(counter: (.max, .max, .max, .max), key: (.max, .max))
    #expect(ones == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = CountedRandom.philox(
      counter: (0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), key: (0xa409_3822, 0x299f_31d0))
    #expect(pi == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func `normals have the moments of the standard normal distribution`() {
    let values = CountedRandom(seed: 1, "moments").normals(count: 200_000).map(Double.init)
    let mean = values.reduce(0, +) / Double(values.count)
    let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(values.count)
    let fourth = values.map { pow($0 - mean, 4) }.reduce(0, +) / Double(values.count)
    #expect(abs(mean) < 0.01)
    #expect(abs(variance - 1) < 0.02)
    #expect(abs(fourth - 3) < 0.1)
  }

  @Test func `a shorter request is a prefix of a longer one`() {
    let random = CountedRandom(seed: 3, "prefix")
    #expect(random.normals(count: 7) == Array(random.normals(count: 1000).prefix(7)))
  }

  @Test func `positions, purposes and seeds have different numbers`() {
    let random = CountedRandom(seed: 0, "a")
    let samples = [
      random, random.at(0), random.at(1), random.at(0, 1), random.at(0).at(1), CountedRandom(seed: 0, "b"),
      CountedRandom(seed: 1, "a"), CountedRandom(seed: -1, "a"),
    ].map { $0.uniform() }
    #expect(Set(samples).count == samples.count)
  }

  @Test(arguments: [0, 1, 2, 7, 100]) func `a permutation holds every index once`(count: Int) {
    #expect(CountedRandom(seed: 5, "order").permutation(of: count).sorted() == Array(0..<count))
  }
}
