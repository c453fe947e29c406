import OrderedCollections
import RGBImages

extension LeRobotDataset {
  /// Takes the statistics of the selected episodes again, episode by episode and joined as LeRobot joins them.
  ///
  /// Numbers come from the columns in memory; images, LeRobot's sample of each episode's frames, are decoded.
  ///
  /// - Parameters:
  ///   - names: the features; nil for all.
  ///   - includingImages: whether to decode images at all.
  public func recomputedStatistics(
    of names: [String]? = nil, includingImages: Bool = true
  ) throws -> OrderedDictionary<String, FeatureStatistics> {
    var parts: OrderedDictionary<String, [FeatureStatistics]> = [:]
    var first = 0
    for episode in episodes {
      let positions = first..<first + episode.frames.count
      first = positions.upperBound
      for (name, feature) in metadata.features
      where feature.dataType != .string && names?.contains(name) ?? true {
        if feature.dataType.isVisual {
          guard includingImages else { continue }
          var images: [RGBImage] = []
          for frame in FeatureStatistics.sampledFrames(length: positions.count) {
            images.append(try image(name, at: positions.lowerBound + frame))
          }
          parts[name, default: []].append(FeatureStatistics(images: images))
        } else {
          parts[name, default: []].append(
            FeatureStatistics(
              values: try numbers(of: name, positions, episode), width: feature.elementCount,
              isSingle: feature.dataType == .float32))
        }
      }
    }
    var statistics: OrderedDictionary<String, FeatureStatistics> = [:]
    for (name, episodes) in parts { statistics[name] = try FeatureStatistics.aggregate(episodes) }
    return statistics
  }

  private func numbers(of name: String, _ positions: Range<Int>, _ episode: Episode) throws -> [Double] {
    switch name {
    case "timestamp": return positions.map { Double(table.timestamps[$0]) }
    case "frame_index": return positions.map { Double(table.frameIndices[$0]) }
    case "episode_index": return positions.map { _ in Double(episode.index) }
    case "index": return episode.frames.map(Double.init)
    case "task_index": return positions.map { Double(table.taskIndices[$0]) }
    default:
      guard let (values, width) = try numbers.values(name) else { return [] }
      return values[positions.lowerBound * width..<positions.upperBound * width].map(Double.init)
    }
  }
}
