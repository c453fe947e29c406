import Failures
import Testing

@testable import LeRobotDatasets

@Test func `every epoch is a permutation, whatever the count`() {
  for count in Array(1...70) + [255, 256, 257, 1000, 4097] {
    for epoch in 0..<3 {
      let permutation = CountedPermutation(count: count, seed: 7, epoch: epoch)
      #expect(Set((0..<count).map { permutation[$0] }) == Set(0..<count))
    }
  }
}

@Test func `seeds and epochs shuffle differently, equal ones alike`() {
  func order(_ seed: Int, _ epoch: Int) -> [Int] {
    let permutation = CountedPermutation(count: 500, seed: seed, epoch: epoch)
    return (0..<500).map { permutation[$0] }
  }
  #expect(order(1, 0) == order(1, 0))
  #expect(order(1, 0) != order(1, 1))
  #expect(order(1, 0) != order(2, 0))
  // A shuffle leaves about one element in place.
  #expect(zip(order(1, 0), 0..<500).filter { $0 == $1 }.count < 8)
}

@Test func `over many epochs every element is equally often first and neighbors are unrelated`() {
  let count = 10, epochs = 4000
  var first = [Int](repeating: 0, count: count)
  var pairs = [Int](repeating: 0, count: count * count)
  for epoch in 0..<epochs {
    let permutation = CountedPermutation(count: count, seed: 3, epoch: epoch)
    first[permutation[0]] += 1
    pairs[permutation[4] * count + permutation[5]] += 1
  }
  let expected = Double(epochs) / Double(count)
  let chi = first.map { ($0 - Int(expected)) * ($0 - Int(expected)) }.reduce(0, +)
  // Chi-square, 9 degrees of freedom: 27.9 is exceeded once in a thousand.
  #expect(Double(chi) / expected < 27.9)
  let pairExpected = Double(epochs) / Double(count * (count - 1))
  let pairChi = pairs.enumerated().filter { $0.offset / count != $0.offset % count }
    .map { (Double($0.element) - pairExpected) * (Double($0.element) - pairExpected) / pairExpected }.reduce(0, +)
  // 89 degrees of freedom: 135.9 once in a thousand.
  #expect(pairChi < 135.9)
}

@Test func `batches walk through whole epochs and any step can be asked for first`() throws {
  let sampler = try BatchSampler(count: 10, batchSize: 4, seed: 5)
  let endless = (0..<10).flatMap { sampler.samples(step: $0) }
  for epoch in 0..<4 { #expect(Set(endless[epoch * 10..<(epoch + 1) * 10]) == Set(0..<10)) }
  #expect(sampler.samples(step: 7) == Array(endless[28..<32]))
  #expect(throws: Failure.self) { try BatchSampler(count: 0, batchSize: 4, seed: 5) }
  #expect(throws: Failure.self) { try BatchSampler(count: 4, batchSize: 0, seed: 5) }
}
