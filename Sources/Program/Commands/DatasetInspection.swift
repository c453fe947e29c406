import Experiments
import Failures
import Foundation
import LeRobotDatasets
import MediaCoding
import ModelFiles
import OrderedCollections
import PretrainedPolicies
import RGBImages
import RobotPolicies
import TrainingBatches

/// What a dataset holds, what of it a policy would read, and what is wrong with it.
///
/// What one fault hides from a run is looked for all the same: frames off their time do not end the inspection, and of a
/// dataset that cannot be opened the episodes that can are.
struct DatasetInspection {
  private(set) var inspection: Inspection
  private let settings: InspectCommand.Settings
  /// What is wrong, by episode.
  private var remarks: [Int: [String]] = [:]
  /// The episodes whose videos are known to be damaged.
  private var cutShort: Set<Int> = []

  init(_ settings: InspectCommand.Settings) {
    self.settings = settings
    inspection = Inspection("dataset", settings.name)
    // What is wrong is among the checks.
    try? inspect()
  }

  private mutating func inspect() throws {
    let isFolder = FileManager.default.fileExists(atPath: settings.name)
    var dataset = DatasetSettings()
    (dataset.repoID, dataset.root) = (settings.name, isFolder ? settings.name : nil)
    let root = try inspection.checks("dataset", found: { _ in nil }) {
      try DatasetLocation.root(
        repositoryID: dataset.repoID, root: dataset.root.map { URL(fileURLWithPath: $0, isDirectory: true) })
    }
    dataset.root = root.path
    let file = root.appendingPathComponent("meta/info.json")
    let metadata = try inspection.checks("meta/info.json", found: { _ in nil }) {
      try DatasetMetadata(contentsOf: file)
    }
    describe(metadata, root, version: (try? JSON(contentsOf: file))?["codebase_version"]?.string)
    guard let open = open(dataset, root, metadata) else { return addFeatures(metadata, nil) }
    checkContents(of: open)
    addFeatures(open.metadata, open)
    addCameras(open)
    addTasks(open)
    addParts(open)
    addEpisodes(open)
  }

  private mutating func describe(_ metadata: DatasetMetadata, _ root: URL, version: String?) {
    let seconds = Double(metadata.frameCount) / metadata.framesPerSecond
    inspection.facts["folder"] = root.path
    inspection.facts["format"] = "LeRobotDataset \(version ?? "")"
    inspection.facts["robot"] = metadata.robotType
    inspection.facts["episodes"] = "\(metadata.episodeCount)"
    inspection.facts["frames"] =
      "\(metadata.frameCount) at \(metadata.framesPerSecond.formatted()) a second, \(Self.time(seconds))"
    inspection.facts["tasks"] = "\(metadata.taskCount)"
  }

  private static func time(_ seconds: Double) -> String {
    seconds < 120
      ? String(format: "%.1f s", seconds)
      : String(format: "%d h %02d min", Int(seconds) / 3600, Int(seconds) / 60 % 60)
  }

  // MARK: Opening

  /// The dataset as a run opens it; else with its frames' times unchecked, else those of its episodes that can be opened.
  private mutating func open(
    _ settings: DatasetSettings, _ root: URL, _ metadata: DatasetMetadata
  ) -> LeRobotDataset? {
    if let parts = try? settings.open(tolerance: self.settings.tolerance, &inspection.checks) { return parts.training }
    if let dataset = Self.untimed(root) { return dataset }
    guard metadata.episodeCount <= Self.mostTried else { return nil }
    let readable = (0..<metadata.episodeCount).filter { Self.untimed(root, [$0]) != nil }
    for episode in 0..<metadata.episodeCount where !readable.contains(episode) {
      remarks[episode, default: []].append("its files cannot be read")
    }
    guard !readable.isEmpty else { return nil }
    inspection.checks.warn(
      "episodes",
      ["only \(counted(readable.count, "episode")) of \(metadata.episodeCount) can be read; what follows is of those"])
    return Self.untimed(root, readable)
  }

  /// Each costs the reading of a file's numbers.
  private static let mostTried = 500
  /// Seconds beyond any that a frame is off its time.
  private static let anyTime = 1e6

  private static func untimed(_ root: URL, _ episodes: [Int]? = nil) -> LeRobotDataset? {
    try? LeRobotDataset(root: root, episodes: episodes, tolerance: anyTime)
  }

  // MARK: Contents

  private mutating func checkContents(of dataset: LeRobotDataset) {
    note("times", dataset.timeProblems(tolerance: settings.tolerance), of: dataset) {
      "raise `tolerance_s`, or fix the timestamps"
    }
    let read = Array(dataset.metadata.features.keys).filter { $0 == BatchKey.state || $0 == BatchKey.action }
    let isFinite = noteNumbers(read, of: dataset)
    if let bad = try? dataset.videoProblems(of: dataset.metadata.cameras) {
      cutShort = Set(bad.map(\.episode))
      note("videos", bad, of: dataset) { nil }
    }
    guard isFinite else { return }
    let features = try? inspection.checks("what a policy reads", found: \.summary) {
      try TrainingFeatures(dataset, renaming: [:], usesImageNetStatistics: true)
    }
    inspection.checks.warn("statistics", features?.notices ?? [])
    for name in read { compareStatistics(of: name, dataset) }
  }

  /// Adds a problem of several episodes, with what leaves them out.
  private mutating func note(
    _ name: String, _ problems: [LeRobotDataset.EpisodeProblem], of dataset: LeRobotDataset, _ fix: () -> String?
  ) {
    guard let first = problems.first else { return }
    for problem in problems { remarks[problem.episode, default: []].append(problem.text) }
    let leaving = "leave them out with \(dataset.exclusion(of: problems.map(\.episode)))"
    inspection.checks.add([
      Check(
        name, .problem,
        "\(counted(problems.count, "episode")) of \(dataset.episodes.count): episode \(first.episode): \(first.text); "
          + ([fix(), leaving].compactMap(\.self)).joined(separator: ", or "))
    ])
  }

  /// Looks for numbers that are not finite; those of features that a policy reads are a problem.
  ///
  /// - Returns: whether what is read is finite.
  private mutating func noteNumbers(_ read: [String], of dataset: LeRobotDataset) -> Bool {
    do {
      let bad = try dataset.nonFiniteFrames(of: read)
      for problem in bad { remarks[problem.episode, default: []].append("\(problem.text) is not finite") }
      _ = try inspection.checks("numbers", found: { _ in nil }) { try dataset.checkFinite(read) }
    } catch {
      if inspection.checks.all.last?.name != "numbers" {
        inspection.checks.add([Check("numbers", .problem, message(of: error))])
      }
      return false
    }
    return true
  }

  /// Warns of statistics that are not those of the data: a run takes the file's.
  private mutating func compareStatistics(of name: String, _ dataset: LeRobotDataset) {
    guard let said = dataset.statistics[name],
      let found = try? dataset.recomputedStatistics(of: [name], includingImages: false)[name],
      said.mean.count == found.mean.count
    else { return }
    let wrong = said.mean.indices.first { index in
      let scale = max(found.standardDeviation[index], 1e-6)
      return abs(said.mean[index] - found.mean[index]) > 0.05 * scale
        || abs(said.standardDeviation[index] - found.standardDeviation[index]) > 0.05 * scale
    }
    guard let wrong else { return }
    func text(_ statistics: FeatureStatistics) -> String {
      String(format: "mean %.4g, deviation %.4g", statistics.mean[wrong], statistics.standardDeviation[wrong])
    }
    inspection.checks.warn(
      "statistics",
      [
        "number \(wrong) of \(name): meta/stats.json says \(text(said)), the data have \(text(found)); a run takes the file's, "
          + "so delete the feature from it to have it taken from the data"
      ])
  }

  // MARK: Tables

  private mutating func addFeatures(_ metadata: DatasetMetadata, _ dataset: LeRobotDataset?) {
    var table = Inspection.Table(
      "features", ["name", "type", "shape", "use", "minimum", "maximum", "mean", "deviation"])
    for (name, feature) in metadata.features {
      let statistics = dataset?.statistics[name]
      func range(_ values: [Double]?) -> String {
        guard let values, let low = values.min(), let high = values.max() else { return "none" }
        return low == high ? Self.short(low) : "\(Self.short(low)) … \(Self.short(high))"
      }
      table.rows.append([
        name, feature.dataType.rawValue, feature.shape.map(String.init).joined(separator: "×"), Self.use(name, feature),
        range(statistics?.minimum), range(statistics?.maximum), range(statistics?.mean),
        range(statistics?.standardDeviation),
      ])
    }
    for (name, reason) in metadata.unreadable {
      table.rows.append([name, "", "", "left out: \(reason)", "", "", "", ""])
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

  private mutating func addCameras(_ dataset: LeRobotDataset) {
    var table = Inspection.Table("cameras", ["name", "stored as", "pixels", "codec", "frames a second", "seconds"])
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

  private mutating func addTasks(_ dataset: LeRobotDataset) {
    var counts: [String: Int] = [:]
    for episode in dataset.episodes { for task in episode.tasks { counts[task, default: 0] += 1 } }
    inspection.tables.append(
      Inspection.Table(
        "tasks", ["index", "episodes", "instruction"],
        dataset.tasks.sorted { $0.key < $1.key }.map { ["\($0.key)", "\(counts[$0.value] ?? 0)", $0.value] }))
  }

  private mutating func addEpisodes(_ dataset: LeRobotDataset) {
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

  // MARK: Images and plots

  /// Images of an episode on the page, and the height that they are reduced to.
  private static let imagesOfEpisode = 8, height = 96

  private mutating func addParts(_ dataset: LeRobotDataset) {
    let damaged = dataset.episodes.indices.filter { remarks[dataset.episodes[$0].index] != nil }
    let sound = dataset.episodes.indices.filter { remarks[dataset.episodes[$0].index] == nil }
    let most = settings.mostEpisodes == 0 ? dataset.episodes.count : settings.mostEpisodes
    let chosen = (damaged.prefix(most) + sound.prefix(max(0, most - damaged.count))).sorted()
    var foreign: [String: [String]] = [:]
    for ordinal in chosen {
      let (episode, positions) = (dataset.episodes[ordinal], dataset.positions(ofEpisode: ordinal))
      var strips: [(name: String, images: [[UInt8]])] = []
      for camera in dataset.metadata.cameras {
        let (images, problem) = images(of: camera, positions, dataset)
        strips.append((camera, images))
        guard let problem, !cutShort.contains(episode.index) else { continue }
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

extension TrainingFeatures {
  fileprivate var summary: String {
    inputs.merging(outputs) { $1 }.map { "\($0.key) \($0.value.shape)" }.joined(separator: ", ")
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
