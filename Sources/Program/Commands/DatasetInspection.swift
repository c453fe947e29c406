import Experiments
import Failures
import Foundation
import LeRobotDatasets
import ModelFiles
import PretrainedPolicies
import RobotPolicies
import TerminalOutput
import TrainingBatches

/// What a dataset holds, what of it a policy would read, and what is wrong with it.
///
/// What one fault hides from a run is looked for all the same: frames off their time do not end the inspection, and of a
/// dataset that cannot be opened the episodes that can are.
struct DatasetInspection {
  var inspection: Inspection
  let settings: InspectCommand.Settings
  /// What is wrong, by episode.
  var remarks: [Int: [String]] = [:]
  /// The episodes whose videos or images are known to be damaged.
  private(set) var damaged: Set<Int> = []

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

  static func time(_ seconds: Double) -> String {
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
      damaged = Set(bad.map(\.episode))
      note("videos", bad, of: dataset) { nil }
    }
    checkImages(of: dataset)
    guard isFinite else { return }
    let features = try? inspection.checks("what a policy reads", found: \.summary) {
      try TrainingFeatures(dataset, renaming: [:], usesImageNetStatistics: true)
    }
    inspection.checks.warn("statistics", features?.notices ?? [])
    for name in read { compareStatistics(of: name, dataset) }
  }

  /// Looks at the head of every image in the data files.
  private mutating func checkImages(of dataset: LeRobotDataset) {
    let cameras = dataset.metadata.features.filter { $0.value.dataType == .image }.map(\.key)
    guard !cameras.isEmpty else { return }
    let progress = ProgressBar("images", total: cameras.count * dataset.count)
    let bad = dataset.imageProblems(of: cameras, everyFrame: true) { progress.update($0) }
    progress.finish()
    damaged.formUnion(bad.map(\.episode))
    note("images", bad, of: dataset) { nil }
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
}

extension TrainingFeatures {
  fileprivate var summary: String {
    inputs.merging(outputs) { $1 }.map { "\($0.key) \($0.value.shape)" }.joined(separator: ", ")
  }
}
