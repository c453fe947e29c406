import CounterBasedRandom
import LibTorch
import NeuralNetworks

/// States of the random generators of Python, NumPy and torch, from which LeRobot draws when it resumes a run.
///
/// A run of this program has no such state, because its random numbers are counter-based. These are new Mersenne Twisters
/// (Matsumoto and Nishimura, 1998) whose words are a function of seed and step, so that LeRobot's run is reproducible.
struct GeneratorStates {
  private static let words = 624
  private let random: CountedRandom

  init(seed: Int, step: Int) { random = CountedRandom(seed: seed, "LeRobot's generators").at(step) }

  private func state(_ generator: String) -> [Int] {
    let words = random.at(generator)
    return (0..<Self.words).map { Int(words.words($0).0) }
  }

  /// The contents of LeRobot's `rng_state.safetensors`.
  func tensors() throws -> StateDictionary {
    // A position of 624 means that all words are used, so the next number generates new ones.
    [
      "np_rng_cached_gaussian": try Tensor.zeros([1]), "np_rng_has_gauss": try Tensor.zeros([1], dtype: .int64),
      "np_rng_state_index": try Tensor([Self.words], shape: [1]),
      "np_rng_state_values": try Tensor(state("numpy"), shape: [Self.words]),
      "py_rng_state": try Tensor(state("python") + [Self.words], shape: [Self.words + 1]),
      "py_rng_version": try Tensor([3], shape: [1]),
      "torch_rng_state": try Tensor(torchState(), shape: [5056]),
    ]
  }

  /// torch's CPU generator in memory: seed, numbers left (1: none but the last), whether seeded, position, the words as
  /// 64 bits each, and no cached normal number.
  private func torchState() -> [UInt8] {
    var bytes: [UInt8] = []
    func append(_ value: some FixedWidthInteger) { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
    append(UInt64(random.words(0).0))
    append(UInt32(1))
    append(UInt32(1))
    append(UInt64(0))
    for word in state("torch") { append(UInt64(word)) }
    return bytes + [UInt8](repeating: 0, count: 5056 - bytes.count)
  }
}
