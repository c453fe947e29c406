import OrderedCollections
import RGBImages

extension FeatureStatistics {
  /// Statistics of an episode's numbers.
  ///
  /// - Parameters:
  ///   - values: `[frames, width]`, row-major.
  ///   - isSingle: whether they are float32, whose quantile bins LeRobot lays out in float32.
  init(values: [Double], width: Int, isSingle: Bool) {
    let frames = width > 0 ? values.count / width : 0
    let columns = (0..<width).map { entry in
      Self.counted((0..<frames).map { values[$0 * width + entry] }.sorted())
    }
    self.init(columns: columns, shape: [width], count: frames, scale: 1, isSingle: isSingle)
  }

  /// Statistics of an episode's images, in [0, 1] and per color, over LeRobot's sample of the frames.
  ///
  /// The standard deviation is the true one; LeRobot 0.4.4 squares the bytes in eight bits and loses it.
  init(images: [RGBImage]) {
    var histograms = [[Int]](repeating: [Int](repeating: 0, count: 256), count: 3)
    for image in images {
      let step = Self.downsampling(width: image.width, height: image.height)
      image.pixels.withUnsafeBufferPointer { pixels in
        for y in stride(from: 0, to: image.height, by: step) {
          for x in stride(from: 0, to: image.width, by: step) {
            for color in 0..<3 { histograms[color][Int(pixels[(y * image.width + x) * 3 + color])] += 1 }
          }
        }
      }
    }
    let columns = histograms.map { histogram in
      histogram.enumerated().filter { $0.element > 0 }.map { (Double($0.offset), $0.element) }
    }
    self.init(columns: columns, shape: [3, 1, 1], count: images.count, scale: 1 / 255, isSingle: false)
  }

  private init(columns: [[(value: Double, count: Int)]], shape: [Int], count: Int, scale: Double, isSingle: Bool) {
    var minimum: [Double] = [], maximum: [Double] = [], mean: [Double] = [], deviation: [Double] = []
    var quantiles = OrderedDictionary(uniqueKeysWithValues: Self.levels.map { ($0.name, [Double]()) })
    for column in columns {
      let total = Double(column.reduce(0) { $0 + $1.count })
      let average = column.reduce(0) { $0 + $1.value * Double($1.count) } / max(1, total)
      let square = column.reduce(0) { $0 + ($1.value - average) * ($1.value - average) * Double($1.count) }
      minimum.append((column.first?.value ?? 0) * scale)
      maximum.append((column.last?.value ?? 0) * scale)
      mean.append(average * scale)
      deviation.append((square / max(1, total)).squareRoot() * scale)
      // One value has no spread: LeRobot writes its mean.
      let found =
        total < 2
        ? Self.levels.map { _ in average }
        : isSingle
          ? Self.quantiles(column.map { (Float($0.value), $0.count) }).map(Double.init)
          : Self.quantiles(column)
      for (level, value) in zip(Self.levels, found) { quantiles[level.name]?.append(value * scale) }
    }
    self.init(
      shape: shape, count: count, minimum: minimum, maximum: maximum, mean: mean, standardDeviation: deviation,
      quantiles: quantiles)
  }

  private static func counted(_ sorted: [Double]) -> [(value: Double, count: Int)] {
    var result: [(value: Double, count: Int)] = []
    for value in sorted {
      if let last = result.last, last.value == value {
        result[result.count - 1].count += 1
      } else {
        result.append((value, 1))
      }
    }
    return result
  }

  /// LeRobot's quantiles: a histogram of 5,000 bins from the smallest to the largest value, straight lines inside a bin.
  static func quantiles<Number: BinaryFloatingPoint>(_ sorted: [(value: Number, count: Int)]) -> [Number] {
    guard let smallest = sorted.first?.value, let largest = sorted.last?.value else { return levels.map { _ in 0 } }
    let bins = 5000
    let start = smallest - 1e-10, stop = largest + 1e-10
    let step = (stop - start) / Number(bins)
    var edges = (0...bins).map { step == 0 ? start : Number($0) * step + start }
    edges[bins] = stop
    var counts = [Double](repeating: 0, count: bins)
    var bin = 0
    for (value, count) in sorted {
      while bin < bins - 1, value >= edges[bin + 1] { bin += 1 }
      counts[bin] += Double(count)
    }
    let total = counts.reduce(0, +)
    return levels.map { level in
      let target = level.share * total
      var before = 0.0
      for bin in 0..<bins {
        if before + counts[bin] >= target {
          if bin == 0 { return edges[0] }
          let share = Number((target - before) / counts[bin])
          return edges[bin] + share * (edges[bin + 1] - edges[bin])
        }
        before += counts[bin]
      }
      return edges[bins]
    }
  }

  /// The frames of an episode whose images LeRobot looks at: all up to 100, then `length^0.75` of them, evenly spread.
  static func sampledFrames(length: Int) -> [Int] {
    guard length > 1 else { return length == 1 ? [0] : [] }
    var power = Double(length).squareRoot()
    power *= power.squareRoot()
    let count = max(min(100, length), min(Int(power), 10_000))
    guard count > 1 else { return [0] }
    let step = Double(length - 1) / Double(count - 1)
    return (0..<count).map { $0 == count - 1 ? length - 1 : Int((Double($0) * step).rounded(.toNearestOrEven)) }
  }

  /// Every how many pixels LeRobot looks: all below 300 a side, else about 150 along the longer one.
  static func downsampling(width: Int, height: Int) -> Int {
    guard max(width, height) >= 300 else { return 1 }
    return max(1, (width > height ? width : height) / 150)
  }
}
