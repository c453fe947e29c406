import Foundation
import ModelFiles
import OrderedCollections

/// A run's settings as two files: `train_config.json` with what LeRobot 0.4.4 and 0.6 both have, whose parsers refuse any
/// other key, and `lerobot_wm.json` beside it with the rest.
struct TrainConfigurationFiles {
  /// The file beside `train_config.json`.
  static let ownName = "lerobot_wm.json"

  let lerobot, own: JSON

  /// Splits settings.
  ///
  /// - Parameter names: the dotted names of the settings that LeRobot has.
  init(_ settings: JSON, names: [String]) {
    var (theirs, own): (OrderedDictionary<String, JSON>, OrderedDictionary<String, JSON>) = ([:], [:])
    Self.split(settings.object ?? [:], below: "", Self.lerobotNames(names, settings), &theirs, &own)
    (lerobot, self.own) = (.object(theirs), .object(own))
  }

  /// The settings that `file` and the file beside it give together.
  ///
  /// - Parameter file: `train_config.json`, a folder that holds it, or any other JSON file of settings.
  static func read(_ file: URL) throws -> JSON {
    let settings = LeRobotSettings.adopted(try JSON(contentsOf: file))
    let beside = file.deletingLastPathComponent().appendingPathComponent(ownName)
    guard file.lastPathComponent == "train_config.json", FileManager.default.fileExists(atPath: beside.path) else {
      return settings
    }
    return merged(settings, try JSON(contentsOf: beside))
  }

  private static func merged(_ base: JSON, _ top: JSON) -> JSON {
    guard let members = base.object, let others = top.object else { return top }
    return .object(members.merging(others, uniquingKeysWith: merged))
  }

  private static func split(
    _ members: OrderedDictionary<String, JSON>, below path: String, _ names: Set<String>,
    _ theirs: inout OrderedDictionary<String, JSON>, _ own: inout OrderedDictionary<String, JSON>
  ) {
    for (key, value) in members {
      let place = path + key
      if isLeRobot(place, value, names) {
        theirs[key] = value
      } else if let inner = value.object, names.contains(where: { $0.hasPrefix(place + ".") }) {
        var (below, beside): (OrderedDictionary<String, JSON>, OrderedDictionary<String, JSON>) = ([:], [:])
        split(inner, below: place + ".", names, &below, &beside)
        theirs[key] = .object(below)
        if !beside.isEmpty { own[key] = .object(beside) }
      } else {
        own[key] = value
      }
    }
  }

  private static func isLeRobot(_ place: String, _ value: JSON, _ names: Set<String>) -> Bool {
    if let standard = newer[place] {
      return value != standard && (value.double == nil || value.double != standard.double)
    }
    return names.contains(place) && (value != .null || !needed.contains(place))
  }

  /// What LeRobot 0.6 has and 0.4.4 refuses, with its default: given another value, a run is none that 0.4.4 could go on
  /// with.
  private static let newer: [String: JSON] = [
    "eval_steps": 0, "max_eval_samples": 0, "dataset.eval_split": 0, "save_checkpoint_to_hub": false,
    "env.hard_reset": true,
  ]

  /// What LeRobot does not take for null, though it may be so here.
  private static let needed: Set = [
    "dataset.video_backend", "policy.resize_imgs_with_padding", "env.observation_height", "env.observation_width",
  ]

  /// `names` and the sections that LeRobot takes or leaves as a whole.
  private static func lerobotNames(_ names: [String], _ settings: JSON) -> Set<String> {
    var names = Set(names + ["dataset.image_transforms", "optimizer", "scheduler", "checkpoint_path"])
    if settings["peft"] == .null { names.insert("peft") }
    // LeRobot has no such policy; the file is then for this program alone.
    if settings["policy"]?["type"] != "smolvla" { names.insert("policy") }
    switch settings["env"]?["type"] {
    case "libero": names.formUnion(carriedByLibero.map { "env.\($0)" })
    case nil: names.insert("env")
    default: names = names.filter { !$0.hasPrefix("env.") }
    }
    return names
  }

  /// LeRobot's settings of LIBERO that this program does not have and carries along.
  private static let carriedByLibero = [
    "render_mode", "features", "features_map", "max_parallel_tasks", "disable_env_checker",
  ]
}
