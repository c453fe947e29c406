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
  /// `config.json` and `train_config.json` of the last checkpoint.
  let policy: JSON?, training: JSON?
  /// What the last checkpoint was trained with, by `training_record.json`: one entry for the start and one for each time it
  /// was resumed with other settings; empty without a record.
  let segments: [JSON]
  /// The last checkpoint's folder.
  let model: URL
  /// By folder: `eval` and whatever else begins with `eval_`; the contrary instruction's ablation as `eval_contrary`.
  let evaluations: [String: RecordedEvaluation]
  /// What was withheld from the checkpoint in further rollouts; nil if nothing was.
  let ablations: AblationStudy?
  /// The plain evaluation, or why it cannot be used; found out once, because it takes reading the weights.
  private var whole: Result<RecordedEvaluation, any Error>

  /// Whether the run's films were made with other weights than those that were evaluated.
  let areFilmsForeign: Bool

  /// The folder of a run's evaluation that was run again to film some episodes.
  static let filmsFolder = "films"

  /// Arm and seed of a folder whose name is `EXPERIMENT_seedN`; nil for any other name.
  static func parts(of name: String) -> (experiment: String, seed: Int)? {
    let parts = name.components(separatedBy: "_seed")
    guard parts.count == 2, !parts[0].isEmpty, let seed = Int(parts[1]), seed >= 0,
      // `seed00` would be a second seed 0.
      String(seed) == parts[1]
    else { return nil }
    return (parts[0], seed)
  }

  /// Reads a run's folder. Files may be missing, but not broken.
  init(_ folder: URL, experiment: String, seed: Int, hashes: FileHashes = FileHashes()) throws {
    name = folder.lastPathComponent
    (self.experiment, self.seed) = (experiment, seed)
    let log = folder.appendingPathComponent("metrics.jsonl")
    metrics = log.isThere ? try RecordedMetrics(log) : nil
    let checkpoints = folder.appendingPathComponent("checkpoints")
    let last = LastCheckpoint.folder(in: checkpoints) ?? checkpoints.appendingPathComponent(LastCheckpoint.name)
    let model = last.appendingPathComponent("pretrained_model")
    policy = try Self.document(model.appendingPathComponent("config.json"))
    training = try Self.document(model.appendingPathComponent("train_config.json"))
    let recordFile = model.appendingPathComponent("training_record.json")
    segments = try Self.document(recordFile).map { try Self.segments($0, in: recordFile) } ?? []
    self.model = model
    var evaluations: [String: RecordedEvaluation] = [:]
    for part in try names(in: folder) where part == "eval" || part.hasPrefix("eval_") {
      let url = folder.appendingPathComponent(part).appendingPathComponent("eval_info.json")
      if url.isThere { evaluations[part] = try RecordedEvaluation(url) }
    }
    let study = try evaluations["eval"].map { unablated throws in try AblationStudy(unablated) }
    ablations = study.flatMap { $0.conditions.isEmpty ? nil : $0 }
    if let contrary = study?.conditions.first(where: { $0.name == "contrary_instruction" }), contrary.adjustedP != nil {
      evaluations["eval_contrary"] = contrary.evaluation
    }
    let films = folder.appendingPathComponent(Self.filmsFolder).appendingPathComponent("eval_info.json")
    let filmed = films.isThere ? try RecordedEvaluation(films) : nil
    areFilmsForeign = filmed.map { $0.weights != evaluations["eval"]?.weights } ?? false
    if let filmed, !areFilmsForeign { evaluations["eval"]?.adoptVideos(of: filmed) }
    self.evaluations = evaluations
    whole = .failure(Failure("\(name) was not checked"))
    whole = Result { try checkedEvaluation(hashes) }
  }

  /// The evaluation, if all of its episodes ended, its file is unchanged, and it is of the run's last checkpoint as it
  /// is now.
  func wholeEvaluation() throws -> RecordedEvaluation { try whole.get() }

  /// Why the plain evaluation, or what depends on it, is no result of the run; nil if it is one, or there is none.
  func refusal(of condition: String) -> (any Error)? {
    guard evaluations[condition] != nil, case .failure(let reason) = whole else { return nil }
    return reason
  }

  /// The training record for readers: its segment, or all of them by their numbers; nil without a record.
  var record: JSON? {
    guard segments.count != 1 else { return segments[0] }
    return segments.isEmpty
      ? nil
      : .object(OrderedDictionary(uniqueKeysWithValues: segments.enumerated().map { ("segment \($0)", $1) }))
  }

  /// Refuses a run that was trained otherwise than `matrix.json` says of the arm whose name it bears.
  mutating func check(against matrix: JSON) {
    guard let planned = matrix["training"]?[experiment]?["policy"]?.object, let last = segments.last else { return }
    var recorded = (last["policy"]?.object ?? [:]).merging(last["world"]?.object ?? [:]) { $1 }
    recorded["type"] = last["policy_type"]
    func common(_ members: OrderedDictionary<String, JSON>) -> JSON {
      .object(members.filter { planned[$0.key] != nil && recorded[$0.key] != nil })
    }
    guard
      let difference = RecordDifferences.between(
        common(planned), common(recorded), ignoring: ["world_vision_model_name"]
      ).first
    else { return }
    whole = .failure(
      Failure(
        "\(name) was not trained as matrix.json says of \(experiment): \(difference.text("there", "in the run")); restore "
          + "the folder, or train the run again"))
  }

  private static func document(_ url: URL) throws -> JSON? {
    guard url.isThere else { return nil }
    let json = try JSON(contentsOf: url)
    guard json.object != nil else { throw Failure("\(url.path): expected a JSON object") }
    return json
  }

  private static func segments(_ record: JSON, in file: URL) throws -> [JSON] {
    let segments = record["segments"]?.array ?? []
    guard !segments.isEmpty, segments.allSatisfy({ ($0["first_step"]?.integer ?? -1) >= 0 }) else {
      throw Failure("\(file.path): expected segments with a first_step each; the file is damaged, train the run again")
    }
    return segments
  }

  /// Samples seen in training, resumed parts with their own batch size; nil if unknown.
  var samples: Int? {
    guard let steps = training?["steps"]?.integer, let batch = training?["batch_size"]?.integer else { return nil }
    guard segments.count > 1 else { return Self.exact(steps.multipliedReportingOverflow(by: batch)) }
    let ends = segments.dropFirst().compactMap { $0["first_step"]?.integer } + [steps]
    var samples = 0
    for (segment, end) in zip(segments, ends) {
      guard let first = segment["first_step"]?.integer, let size = segment["batch_size"]?.integer,
        let length = Self.exact(end.subtractingReportingOverflow(first)),
        let part = Self.exact(length.multipliedReportingOverflow(by: size)),
        let sum = Self.exact(samples.addingReportingOverflow(part))
      else { return nil }
      samples = sum
    }
    return samples
  }

  /// The duration of all updates that were logged, as the mean of a logged one times their number; nil if unknown.
  var updateSeconds: Double? {
    guard let points = metrics?.curves["update_s"], let last = points.last else { return nil }
    return points.map(\.value).reduce(0, +) / Double(points.count) * last.step
  }

  /// The result of a calculation; nil if no integer holds it.
  private static func exact(_ result: (partialValue: Int, overflow: Bool)) -> Int? {
    result.overflow ? nil : result.partialValue
  }

  /// The parts of the run that do not exist.
  var missing: [String] {
    var missing: [String] = []
    if metrics == nil { missing.append("\(name)/metrics.jsonl: no training curves of this run") }
    if policy == nil { missing.append("\(name)/checkpoints/last/pretrained_model/config.json: its policy is unknown") }
    if training == nil {
      missing.append("\(name)/checkpoints/last/pretrained_model/train_config.json: its training settings are unknown")
    }
    if segments.isEmpty, training != nil {
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
  var testsInstruction: Bool {
    evaluations["eval_contrary"] != nil
      || ablations?.conditions.contains { $0.name == "garbled_instruction" } == true
  }
}
