import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// One training run's folder, `EXPERIMENT_seedN`, with its evaluations.
struct RecordedRun: Sendable {
  /// The folder's name, such as `E2_seed0`.
  let name: String
  /// The arm, such as `E2`.
  let experiment: String
  /// The training seed in the folder's name.
  let seed: Int
  let metrics: RecordedMetrics?
  /// `config.json` and `train_config.json` of the last checkpoint, and the segments of its `training_record.json`.
  let policy: JSON?, training: JSON?, record: JSON?
  /// The last checkpoint's folder.
  private let model: URL
  private let hashes: FileHashes
  /// By folder: `eval` and whatever else begins with `eval_`; the contrary instruction's ablation as `eval_contrary`.
  let evaluations: [String: RecordedEvaluation]
  /// What was withheld from the checkpoint in further rollouts; nil if nothing was.
  let ablations: AblationStudy?

  /// The folder of a run's evaluation that was run again to film some episodes.
  static let filmsFolder = "films"

  /// Reads a folder whose name is `EXPERIMENT_seedN`; nil for any other name. Files may be missing, but not broken.
  init?(_ folder: URL, hashes: FileHashes) throws {
    self.hashes = hashes
    let parts = folder.lastPathComponent.components(separatedBy: "_seed")
    guard parts.count == 2, !parts[0].isEmpty, let seed = Int(parts[1]), seed >= 0,
      // `seed00` would be a second seed 0.
      String(seed) == parts[1]
    else { return nil }
    name = folder.lastPathComponent
    experiment = parts[0]
    self.seed = seed
    let log = folder.appendingPathComponent("metrics.jsonl")
    metrics = log.isThere ? try RecordedMetrics(log) : nil
    let model = folder.appendingPathComponent("checkpoints/last/pretrained_model")
    policy = try Self.document(model.appendingPathComponent("config.json"))
    training = try Self.document(model.appendingPathComponent("train_config.json"))
    let recordFile = model.appendingPathComponent("training_record.json")
    record = try Self.document(recordFile).map { try Self.segments($0, in: recordFile) }
    self.model = model
    var evaluations: [String: RecordedEvaluation] = [:]
    for part in try names(in: folder) where part == "eval" || part.hasPrefix("eval_") {
      let url = folder.appendingPathComponent(part).appendingPathComponent("eval_info.json")
      if url.isThere { evaluations[part] = try RecordedEvaluation(url) }
    }
    let study = try evaluations["eval"].map { unablated throws in try AblationStudy(unablated) }
    ablations = study.flatMap { $0.conditions.isEmpty ? nil : $0 }
    if let contrary = study?.conditions.first(where: { $0.name == "contrary_instruction" }) {
      evaluations["eval_contrary"] = contrary.evaluation
    }
    let films = folder.appendingPathComponent(Self.filmsFolder).appendingPathComponent("eval_info.json")
    if films.isThere { evaluations["eval"]?.adoptVideos(of: try RecordedEvaluation(films)) }
    self.evaluations = evaluations
  }

  private static func document(_ url: URL) throws -> JSON? {
    guard url.isThere else { return nil }
    let json = try JSON(contentsOf: url)
    guard json.object != nil else { throw Failure("\(url.path): expected a JSON object") }
    return json
  }

  /// A record's segments by their number, so that they are compared entry by entry; the only one by itself.
  private static func segments(_ record: JSON, in file: URL) throws -> JSON {
    let segments = record["segments"]?.array ?? []
    guard !segments.isEmpty, segments.allSatisfy({ ($0["first_step"]?.integer ?? -1) >= 0 }) else {
      throw Failure("\(file.path): expected segments with a first_step each; the file is damaged, train the run again")
    }
    if segments.count == 1 { return segments[0] }
    return .object(
      OrderedDictionary(uniqueKeysWithValues: segments.enumerated().map { ("segment \($0)", $1) }))
  }

  /// The evaluation, if all of its episodes ended, nobody changed its file, and it is of the run's last checkpoint.
  func wholeEvaluation() throws -> RecordedEvaluation {
    guard let evaluation = evaluations["eval"] else { throw Failure("\(name) was not evaluated") }
    try evaluation.requireWhole(name)
    let weights = model.appendingPathComponent("model.safetensors")
    if let hash = evaluation.setting("model_sha256")?.string, weights.isThere, try hashes.sha256(of: weights) != hash {
      throw Failure("\(name) was evaluated with other weights than those of its last checkpoint; evaluate it again")
    }
    return evaluation
  }

  /// Samples seen in training, resumed parts with their own batch size; nil if unknown.
  var samples: Int? {
    guard let steps = training?["steps"]?.integer, let batch = training?["batch_size"]?.integer else { return nil }
    let segments = record?["first_step"] == nil ? (record?.object ?? [:]).values.map(\.self) : []
    guard segments.count > 1 else { return Self.product(steps, batch) }
    let ends = segments.dropFirst().compactMap { $0["first_step"]?.integer } + [steps]
    var samples = 0
    for (segment, end) in zip(segments, ends) {
      guard let first = segment["first_step"]?.integer, let size = segment["batch_size"]?.integer,
        let part = Self.product(end - first, size)
      else { return nil }
      samples += part
    }
    return samples
  }

  /// The duration of all updates that were logged, as the mean of a logged one times their number; nil if unknown.
  var updateSeconds: Double? {
    guard let points = metrics?.curves["update_s"], let last = points.last else { return nil }
    return points.map(\.value).reduce(0, +) / Double(points.count) * last.step
  }

  private static func product(_ a: Int, _ b: Int) -> Int? {
    let product = a.multipliedReportingOverflow(by: b)
    return product.overflow ? nil : product.partialValue
  }

  /// The parts of the run that do not exist.
  var missing: [String] {
    var missing: [String] = []
    if metrics == nil { missing.append("\(name)/metrics.jsonl: no training curves of this run") }
    if policy == nil { missing.append("\(name)/checkpoints/last/pretrained_model/config.json: its policy is unknown") }
    if training == nil {
      missing.append("\(name)/checkpoints/last/pretrained_model/train_config.json: its training settings are unknown")
    }
    if record == nil, training != nil {
      missing.append(
        "\(name)/checkpoints/last/pretrained_model/training_record.json: what it was trained with is not compared")
    }
    if evaluations["eval"] == nil { missing.append("\(name)/eval/eval_info.json: this run was not evaluated") }
    return missing
  }

  /// Every evaluation once, by its folder in the run's.
  var places: [(name: String, evaluation: RecordedEvaluation)] {
    let ablated = (ablations?.conditions ?? []).map { ("eval/ablations/\($0.name)", $0.evaluation) }
    let others = evaluations.sorted { $0.key < $1.key }.filter { own in !ablated.contains { $0.1.url == own.value.url }
    }
    return others.map { ($0, $1) } + ablated
  }

  /// Whether it was rolled out with another instruction than the task's.
  fileprivate var testsInstruction: Bool {
    evaluations["eval_contrary"] != nil
      || ablations?.conditions.contains { $0.name == "garbled_instruction" } == true
  }

  /// Reasons to doubt the run's results.
  var warnings: [String] {
    var warnings: [String] = []
    if let seed = training?["seed"]?.integer, seed != self.seed {
      warnings.append("\(name) was trained with seed \(seed), not \(self.seed) as its folder says.")
    }
    if metrics?.isCutOff == true {
      warnings.append("\(name)/metrics.jsonl ends in an incomplete line; the run was killed or is still running.")
    }
    if let steps = training?["steps"]?.integer, let last = metrics?.curves["loss"]?.last?.step, last < Double(steps) {
      warnings.append("\(name) was logged up to step \(Int(last)) of \(steps): it did not finish.")
    }
    return warnings
  }
}

/// All runs below a root folder.
struct RecordedRuns: Sendable {
  let runs: [RecordedRun]
  /// What the arms are for.
  let roles: ArmRoles
  let random: RecordedEvaluation?

  init(_ root: URL, hashes: FileHashes = FileHashes()) throws {
    var runs: [RecordedRun] = []
    for name in try names(in: root) {
      if let run = try RecordedRun(root.appendingPathComponent(name), hashes: hashes) { runs.append(run) }
    }
    guard !runs.isEmpty else {
      throw Failure(
        "\(root.path): expected folders of training runs such as E0_seed0, found none; name the folder that the "
          + "experiments were written to")
    }
    roles = try MatrixPlan.roles(root)
    self.runs = runs.sorted { ($0.experiment, $0.seed) < ($1.experiment, $1.seed) }
    let url = root.appendingPathComponent("random/eval_info.json")
    random = url.isThere ? try RecordedEvaluation(url) : nil
  }

  var experiments: [String] { runs.map(\.experiment).reduce(into: []) { if $0.last != $1 { $0.append($1) } } }

  func runs(of experiment: String) -> [RecordedRun] { runs.filter { $0.experiment == experiment } }

  /// Refuses names of entries that no run has recorded, such as misspelled ones.
  func requireEntries(_ names: [String]) throws {
    let records = runs.flatMap { run in [run.record, run.evaluations["eval"]?.manifest].compactMap(\.self) }
    if let unknown = names.first(where: { name in !records.contains { RecordDifferences.has(name, in: $0) } }) {
      throw Failure("`allow_differences=\(unknown)`: no run records an entry of that name")
    }
  }

  /// Everything missing from the report of the planned arms.
  func missing(of planned: [String]) -> [String] {
    var missing = planned.filter { runs(of: $0).isEmpty }.map {
      "\($0)_seedN: no run of experiment \($0)"
    }
    missing += runs.flatMap(\.missing)
    let baseline = runs(of: roles.baseline)
    if !baseline.isEmpty, !baseline.contains(where: \.testsInstruction) {
      missing.append(
        "\(roles.baseline)_seedN/eval/ablations: whether the policy follows the instruction was not tested (`ablate`)")
    }
    if random == nil {
      missing.append(
        "random/eval_info.json: the success rate of chance is not known; evaluate with `eval.planner=random` into that folder"
      )
    }
    return missing
  }

  /// Reasons to doubt the results.
  var warnings: [String] {
    let evaluations =
      runs.flatMap { run in run.evaluations.sorted { $0.key < $1.key }.map { ("\(run.name)/\($0)", $1) } }
      + [random.map { ("random", $0) }].compactMap(\.self)
    return runs.flatMap(\.warnings) + evaluations.flatMap { name, evaluation in evaluation.warnings(name) }
  }
}

extension RecordedEvaluation {
  fileprivate func warnings(_ name: String) -> [String] {
    var warnings: [String] = []
    let broken = episodes.filter { $0.problem != nil }
    if let problem = broken.first?.problem {
      warnings.append(
        "\(name): \(broken.count) of \(episodes.count) episodes ended with an error and count as failures, the first with: "
          + problem)
    }
    if let dropped = setting("dropped_memories")?.integer, dropped > 0 {
      warnings.append(
        "\(name): \(dropped) memories were not finite and were not used, so these episodes are partly without memory.")
    }
    if let steps = setting("n_action_steps")?.integer, steps > 1, steps == setting("chunk_size")?.integer {
      warnings.append(
        "\(name): action chunks were executed to the end (n_action_steps = chunk_size = \(steps)); re-planning earlier often "
          + "succeeds more.")
    }
    return warnings
  }
}

extension URL {
  var isThere: Bool { FileManager.default.fileExists(atPath: path) }
}

/// The names of a folder's entries, sorted.
private func names(in folder: URL) throws -> [String] {
  do { return try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() } catch {
    guard folder.isThere else { throw Failure("\(folder.path): the folder does not exist") }
    throw Failure("\(folder.path): cannot be listed; it is not a readable folder")
  }
}
