import Experiments
import Failures
import Foundation
import LeRobotDatasets
import ModelFiles
import OrderedCollections
import RobotPolicies

extension Inspection {
  /// The one order of sizes in tables, whatever that of a file is.
  static let imageSizes = "images: width×height"
}

/// What the dataset holds, in tables.
extension DatasetInspection {
  mutating func addFeatures(_ metadata: DatasetMetadata, _ dataset: LeRobotDataset?) {
    var table = Inspection.Table(
      "features", ["name", "type", "shape", "use", "minimum", "maximum", "mean", "deviation"],
      note: Inspection.imageSizes)
    for (name, feature) in metadata.features {
      let statistics = dataset?.statistics[name]
      func range(_ values: [Double]?) -> String {
        guard let values, let low = values.min(), let high = values.max() else { return "none" }
        return low == high ? Self.short(low) : "\(Self.short(low)) … \(Self.short(high))"
      }
      table.rows.append([
        name, feature.dataType.rawValue,
        feature.imageSize.map { "\($0.width)×\($0.height)×3" }
          ?? feature.shape.map(String.init).joined(separator: "×"), Self.use(name, feature),
        range(statistics?.minimum), range(statistics?.maximum), range(statistics?.mean),
        range(statistics?.standardDeviation),
      ])
    }
    for (name, reason) in metadata.unreadable {
      table.rows.append([name, "", "", "left out", "", "", "", ""])
      inspection.facts["\(name), left out"] = reason
    }
    inspection.tables.append(table)
    let known = dataset?.statistics.mapValues { statistics in
      JSON.object(OrderedDictionary(statistics.named.map { ($0.name, .array($0.values.map(JSON.number))) }) { $1 })
    }
    inspection.details["statistics"] = .object(known ?? [:])
  }

  private static func use(_ name: String, _ feature: DatasetFeature) -> String {
    if feature.dataType.isVisual { return "camera" }
    if DatasetFeature.bookkeeping[name] != nil { return "place" }
    return name == BatchKey.state ? "state" : name == BatchKey.action ? "action" : "not read"
  }

  private static func short(_ number: Double) -> String { String(format: "%.4g", number) }

  mutating func addCameras(_ dataset: LeRobotDataset) {
    var table = Inspection.Table(
      "cameras", ["name", "stored as", "pixels", "codec", "frames a second", "seconds"],
      note: Inspection.imageSizes)
    for camera in dataset.metadata.cameras {
      guard let feature = dataset.metadata.features[camera], let size = feature.imageSize else { continue }
      let video = dataset.firstVideo(of: camera)
      table.rows.append([
        camera, feature.dataType.rawValue, "\(size.width)×\(size.height)", video?.codec ?? "",
        video?.framesPerSecond.formatted() ?? "", video.map { Self.time($0.duration) } ?? "",
      ])
      if let video, abs(video.framesPerSecond - dataset.metadata.framesPerSecond) > 0.01 * video.framesPerSecond {
        inspection.checks.warn(
          "videos",
          [
            "\(video.url.path) has \(video.framesPerSecond.formatted()) frames a second, meta/info.json says "
              + "\(dataset.metadata.framesPerSecond.formatted()); frames are found by their times"
          ])
      }
    }
    inspection.tables.append(table)
  }

  mutating func addTasks(_ dataset: LeRobotDataset) {
    var counts: [String: Int] = [:]
    for episode in dataset.episodes { for task in episode.tasks { counts[task, default: 0] += 1 } }
    inspection.tables.append(
      Inspection.Table(
        "tasks", ["index", "episodes", "instruction"],
        dataset.tasks.sorted { $0.key < $1.key }.map { ["\($0.key)", "\(counts[$0.value] ?? 0)", $0.value] }))
  }

  mutating func addEpisodes(_ dataset: LeRobotDataset) {
    let rate = dataset.metadata.framesPerSecond
    var rows = dataset.episodes.map { episode in
      (
        index: episode.index,
        cells: [
          "\(episode.index)", "\(episode.frames.count)", String(format: "%.1f", Double(episode.frames.count) / rate),
          episode.tasks.joined(separator: "; "), (remarks[episode.index] ?? []).joined(separator: "; "),
        ]
      )
    }
    let known = Set(rows.map(\.index))
    for (index, texts) in remarks where !known.contains(index) {
      rows.append((index, ["\(index)", "", "", "", texts.joined(separator: "; ")]))
    }
    // Damaged ones first: a terminal shows the beginning.
    rows.sort { (remarks[$0.index] == nil ? 1 : 0, $0.index) < (remarks[$1.index] == nil ? 1 : 0, $1.index) }
    inspection.tables.append(
      Inspection.Table("episodes", ["index", "frames", "seconds", "task", "problems"], rows.map(\.cells)))
  }
}
