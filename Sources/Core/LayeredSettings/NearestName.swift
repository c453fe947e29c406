/// The name among `known` that `name` was probably meant to be, or nil where none is near.
///
/// Names are compared as a whole and by their last part alone, so that `device` finds `policy.device`.
public func nearestName(to name: String, among known: [String]) -> String? {
  let name = name.replacing("-", with: "_")
  func last(_ name: String) -> String { name.split(separator: ".").last.map(String.init) ?? name }
  func score(_ candidate: String) -> (Int, Int) {
    let whole = editDistance(name, candidate)
    return (min(whole, editDistance(last(name), last(candidate)) + 1), whole)
  }
  let best = known.map { (name: $0, score: score($0)) }.min { $0.score < $1.score }
  guard let best, best.score.0 <= max(2, last(name).count / 3) else { return nil }
  return best.name
}

/// The fewest insertions, deletions and replacements of characters that turn `a` into `b` (Levenshtein).
func editDistance(_ a: String, _ b: String) -> Int {
  let b = Array(b)
  var row = Array(0...b.count)
  for (i, character) in a.enumerated() {
    var diagonal = row[0]
    row[0] = i + 1
    for j in b.indices {
      let replaced = diagonal + (b[j] == character ? 0 : 1)
      diagonal = row[j + 1]
      row[j + 1] = min(replaced, row[j] + 1, row[j + 1] + 1)
    }
  }
  return row[b.count]
}
