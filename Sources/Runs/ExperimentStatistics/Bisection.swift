/// Where an increasing function crosses zero, to the last digits; an end of the range if it does not.
package func root(in range: ClosedRange<Double>, of function: (Double) -> Double) -> Double {
  var (low, high) = (range.lowerBound, range.upperBound)
  for _ in 0..<100 {
    let middle = (low + high) / 2
    if middle <= low || middle >= high { break }
    if function(middle) < 0 { low = middle } else { high = middle }
  }
  return high
}
