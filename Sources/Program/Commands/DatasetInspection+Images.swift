import Experiments
import Failures
import Foundation
import LeRobotDatasets
import MediaCoding
import RGBImages
import RobotPolicies

/// Images and plots of episodes.
extension DatasetInspection {
  /// Images of an episode on the page, and the height that they are reduced to.
  private static let imagesOfEpisode = 8, height = 96

  mutating func addParts(_ dataset: LeRobotDataset) {
    let remarked = dataset.episodes.indices.filter { remarks[dataset.episodes[$0].index] != nil }
    let sound = dataset.episodes.indices.filter { remarks[dataset.episodes[$0].index] == nil }
    let most = settings.mostEpisodes == 0 ? dataset.episodes.count : settings.mostEpisodes
    let chosen = (remarked.prefix(most) + sound.prefix(max(0, most - remarked.count))).sorted()
    var foreign: [String: [String]] = [:]
    for ordinal in chosen {
      let (episode, positions) = (dataset.episodes[ordinal], dataset.positions(ofEpisode: ordinal))
      var strips: [(name: String, images: [[UInt8]])] = []
      for camera in dataset.metadata.cameras {
        let (images, problem) = images(of: camera, positions, dataset)
        strips.append((camera, images))
        guard let problem, !damaged.contains(episode.index) else { continue }
        remarks[episode.index, default: []].append(problem)
        foreign[camera, default: []].append("episode \(episode.index): \(problem)")
      }
      guard settings.page != nil else { continue }
      var part = Inspection.Part(
        "Episode \(episode.index): \(episode.tasks.joined(separator: "; ")) (\(counted(positions.count, "frame")))",
        remarks: remarks[episode.index] ?? [])
      part.strips = strips
      part.plots = [BatchKey.state, BatchKey.action].compactMap { plot($0, positions, dataset) }
      inspection.parts.append(part)
    }
    for (camera, problems) in foreign.sorted(by: { $0.key < $1.key }) {
      inspection.checks.add([
        Check(
          "images", .problem,
          "\(camera) of \(counted(problems.count, "episode")): \(problems[0]); leave them out with `dataset.exclude_episodes`"
        )
      ])
    }
    inspection.partsNote =
      chosen.count == dataset.episodes.count
      ? "All \(counted(chosen.count, "episode"))."
      : "\(chosen.count) of \(dataset.episodes.count) episodes, damaged ones first."
    inspection.details["episodes_decoded"] = .integer(chosen.count)
  }

  /// Images from the first frame to the last, for a page; without one the first and the last are decoded and not kept.
  private func images(
    of camera: String, _ positions: Range<Int>, _ dataset: LeRobotDataset
  ) -> (images: [[UInt8]], problem: String?) {
    let wantsPage = settings.page != nil
    let count = min(wantsPage ? Self.imagesOfEpisode : 2, positions.count)
    var images: [[UInt8]] = []
    var problem: String?
    for index in 0..<count {
      let position = positions.lowerBound + (count > 1 ? index * (positions.count - 1) / (count - 1) : 0)
      do {
        let image = try dataset.image(camera, at: position)
        if wantsPage { images.append(try JPEG.encode(image.reduced(toHeight: Self.height), quality: 80)) }
      } catch { problem = problem ?? message(of: error) }
    }
    return (images, problem)
  }

  private func plot(_ name: String, _ positions: Range<Int>, _ dataset: LeRobotDataset) -> Inspection.Plot? {
    guard let feature = dataset.metadata.features[name],
      let values = try? dataset.values(of: name, at: Array(positions))
    else { return nil }
    let width = feature.elementCount
    let names = feature.entryNames
    let curves = (0..<width).map { entry in
      (
        name: entry < names.count ? names[entry] : "\(entry)",
        values: positions.indices.map { values[($0 - positions.lowerBound) * width + entry] }
      )
    }
    return Inspection.Plot(name, measure: "recorded units", over: "frame", curves)
  }
}

extension DatasetFeature {
  /// The names of a vector's entries, as `names` lists them or groups them; empty without any.
  fileprivate var entryNames: [String] {
    let listed = names.array ?? names.object?.values.lazy.compactMap(\.array).first
    let texts = (listed ?? []).compactMap(\.string)
    return texts.count == elementCount ? texts : []
  }
}

extension RGBImage {
  /// A smaller image of the same shape, of every n-th pixel; the image itself where it is not higher.
  fileprivate func reduced(toHeight target: Int) throws -> RGBImage {
    let step = height / target
    guard step > 1 else { return self }
    let (columns, rows) = ((width + step - 1) / step, (height + step - 1) / step)
    var reduced: [UInt8] = []
    reduced.reserveCapacity(rows * columns * 3)
    for y in stride(from: 0, to: height, by: step) {
      for x in stride(from: 0, to: width, by: step) {
        let place = (y * width + x) * 3
        reduced += pixels[place..<place + 3]
      }
    }
    return try RGBImage(width: columns, height: rows, pixels: reduced)
  }
}
