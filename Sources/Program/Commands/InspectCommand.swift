import Experiments
import Failures
import Foundation
import HuggingFaceHub
import LayeredSettings
import LeRobotDatasets
import ModelFiles
import PolicyTraining
import TerminalOutput
import WorldEncoders

/// `lerobot-wm inspect`: what a dataset, checkpoint, latent cache or evaluation is, what of it would be used, and what is wrong.
enum InspectCommand: Command {
  struct Settings: ConfigurationSection {
    @Setting("html", help: "also write a page with images and plots to this file") var page: String?
    @Setting("json", help: "print everything as JSON") var printsJSON = false
    @Setting(
      "max_episodes", in: 0...1 << 24,
      help: "episodes whose images are decoded and shown, damaged ones first; 0 for all")
    var mostEpisodes = 50
    @Setting("tolerance_s", in: 0...1e9, help: "seconds that a frame may deviate from its timestamp, as train has it")
    var tolerance = 1e-4
    @Setting("overwrite", help: "replace a file that is no page of this program") var overwrites = false
    var name = ""
  }

  static let name = "inspect"
  static let summary = "say what a dataset, checkpoint, latent cache or evaluation is, and what is wrong with it"
  static let operands = [
    (
      "PATH",
      "a folder or repository of a dataset or policy, the folder of a run or an evaluation, or latents (.npy)"
    )
  ]
  static let examples = [
    "lerobot-wm inspect HuggingFaceVLA/libero --html=libero.html",
    "lerobot-wm inspect outputs/train/run/checkpoints/last/pretrained_model",
  ]

  static func layers(_ configured: inout Configured<Settings>, _ arguments: inout Arguments) throws {
    guard let name = arguments.takePositional(after: ["json", "overwrite"]) else {
      throw Failure(
        "what to inspect is missing; name a dataset, a checkpoint, a latent cache or an evaluation after inspect")
    }
    configured.value.name = name
  }

  static func run(_ settings: Settings, _ configured: Configured<Settings>) throws -> Int32 {
    let page = settings.page.map { URL(fileURLWithPath: $0) }
    if let page { try Inspection.requirePlace(for: page, overwrite: settings.overwrites) }
    let inspection = try inspection(settings)
    if let page {
      try inspection.write(
        to: page, overwrite: settings.overwrites, wording: FlagTranslation.translated)
    }
    if settings.printsJSON {
      print(inspection.json(wording: FlagTranslation.translated).text(.indented(2)))
    } else {
      print((inspection.text + "\n\n" + inspection.checks.text).withoutControls)
      if let page = settings.page { print(page) }
    }
    return inspection.checks.problems > 0 ? 1 : 0
  }

  private static func inspection(_ settings: Settings) throws -> Inspection {
    let path = URL(fileURLWithPath: NSString(string: settings.name).expandingTildeInPath)
    for name in ["meta/info.json", "config.json"] { try refuseLinkLoop(at: path.appendingPathComponent(name).path) }
    func holds(_ name: String) -> Bool {
      FileManager.default.fileExists(atPath: path.appendingPathComponent(name).path)
    }
    if path.lastPathComponent.hasSuffix(".npy") { return CacheInspection(path).inspection }
    if holds("checkpoints") {
      let last = try CheckpointDirectory(output: path).last().appendingPathComponent("pretrained_model")
      return CheckpointInspection(last.path).inspection
    }
    if holds("config.json") {
      try requirePolicy(path)
      return CheckpointInspection(settings.name).inspection
    }
    if holds("meta") { return DatasetInspection(settings).inspection }
    if path.lastPathComponent == "eval_info.json" || holds("eval_info.json") {
      return EvaluationInspection(path).inspection
    }
    guard FileManager.default.fileExists(atPath: path.path) else { return try repository(settings) }
    let caches = latents(below: path)
    guard caches.count == 1 else {
      throw Failure(
        caches.isEmpty
          ? "\(path.path) holds no dataset (meta/info.json), no checkpoint (config.json), no latents (.npy) and no evaluation "
            + "(eval_info.json); name one that does, or `doctor` to check a run, a matrix or other outputs"
          : "\(path.path) holds \(caches.count) latent caches; name one of them, such as \(caches[0].path)")
    }
    return CacheInspection(caches[0]).inspection
  }

  /// Refuses a model of transformers, whose configuration has no type of a policy.
  private static func requirePolicy(_ folder: URL) throws {
    let configuration = try JSON(contentsOf: folder.appendingPathComponent("config.json"))
    guard configuration["type"] == nil, let model = configuration["model_type"]?.string else { return }
    let encoders = LatentsSource.allCases.map(\.rawValue)
    let setting =
      encoders.contains { model.hasPrefix($0) } ? "`policy.world_vision_model_name`" : "`policy.vlm_model_name`"
    throw Failure("\(folder.path) holds a \(model) model, which is part of a policy; give it to train as \(setting)")
  }

  /// What a repository holds: a policy if one of that name is a model's, else a dataset.
  private static func repository(_ settings: Settings) throws -> Inspection {
    if ModelLocation.cached(settings.name) != nil { return CheckpointInspection(settings.name).inspection }
    guard HubRepository.isName(settings.name), settings.name.contains("/") else {
      throw Failure(
        "there is no folder \(settings.name), and it is no repository's name such as owner/name; check the path")
    }
    let dataset = Result { try DatasetLocation.root(repositoryID: settings.name) }
    if case .failure = dataset, (try? ModelLocation.directory(of: settings.name)) != nil {
      return CheckpointInspection(settings.name).inspection
    }
    return DatasetInspection(settings).inspection
  }

  /// The latent caches below a folder, as `cache_dir` holds them.
  private static func latents(below folder: URL) -> [URL] {
    ((try? FileManager.default.subpathsOfDirectory(atPath: folder.path)) ?? []).sorted()
      .filter { $0.hasSuffix(".npy") && $0.count(where: { $0 == "/" }) <= 3 }
      .map { folder.appendingPathComponent($0) }
  }
}
