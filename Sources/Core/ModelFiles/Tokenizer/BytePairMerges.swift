import HeapModule

/// Byte-pair encoding of single words: the lowest-ranked pair of neighbors is merged until none is left.
struct BytePairMerges: Sendable {
  struct Merge: Sendable {
    let rank: Int
    let result: Int
  }

  /// What a byte without a token becomes.
  struct Unknown: Sendable {
    let id: Int
    /// Whether a run of such bytes becomes one token.
    let fuses: Bool
  }

  /// The token of each byte; nil where the vocabulary has none.
  var byteTokens: [Int?]
  /// The merges by their pair of tokens.
  var merges: [Pair: Merge]
  /// Nil where bytes without a token are dropped.
  var unknown: Unknown?

  struct Pair: Hashable, Sendable {
    let left: Int
    let right: Int
  }

  /// The tokens of a word, given as its bytes.
  func tokens(of word: [UInt8]) -> [Int] {
    var symbols = SymbolList(initialTokens(of: word))
    var candidates = Heap<Candidate>()
    func consider(_ position: Int) {
      guard let pair = symbols.pair(at: position), let merge = merges[pair] else { return }
      candidates.insert(Candidate(position: position, pair: pair, merge: merge))
    }
    for position in symbols.tokens.indices { consider(position) }
    while let best = candidates.popMin() {
      // A candidate is stale once one of its neighbors was merged away.
      guard symbols.pair(at: best.position) == best.pair else { continue }
      symbols.mergePair(at: best.position, into: best.merge.result)
      if let previous = symbols.previous(of: best.position) { consider(previous) }
      consider(best.position)
    }
    return symbols.remaining
  }

  private func initialTokens(of word: [UInt8]) -> [Int] {
    var tokens: [Int] = []
    var inUnknownRun = false
    for byte in word {
      if let token = byteTokens[Int(byte)] {
        tokens.append(token)
        inUnknownRun = false
      } else if let unknown {
        if !(inUnknownRun && unknown.fuses) { tokens.append(unknown.id) }
        inUnknownRun = true
      }
    }
    return tokens
  }

  private struct Candidate: Comparable {
    let position: Int
    let pair: Pair
    let merge: Merge

    static func < (a: Self, b: Self) -> Bool { (a.merge.rank, a.position) < (b.merge.rank, b.position) }
    static func == (a: Self, b: Self) -> Bool { (a.merge.rank, a.position) == (b.merge.rank, b.position) }
  }
}

/// A word's tokens as a linked list over an array, so that positions stay while neighbors merge.
private struct SymbolList {
  private(set) var tokens: [Int]
  private var next: [Int]
  private var before: [Int]

  init(_ tokens: [Int]) {
    self.tokens = tokens
    next = Array(1..<tokens.count + 1)
    before = Array(-1..<tokens.count - 1)
  }

  /// The token at `position` and its right neighbor, or nil where either is gone.
  func pair(at position: Int) -> BytePairMerges.Pair? {
    guard tokens[position] >= 0, next[position] < tokens.count else { return nil }
    return BytePairMerges.Pair(left: tokens[position], right: tokens[next[position]])
  }

  func previous(of position: Int) -> Int? { before[position] >= 0 ? before[position] : nil }

  mutating func mergePair(at position: Int, into token: Int) {
    let right = next[position]
    tokens[position] = token
    tokens[right] = -1
    next[position] = next[right]
    if next[right] < tokens.count { before[next[right]] = position }
  }

  var remaining: [Int] { tokens.filter { $0 >= 0 } }
}
