import Configuration
import Environments
import Foundation
import ModelFiles
import OrderedCollections
import Policies
import Shapes
import Torch

/// `--dataset.…`
struct DatasetSettings: ConfigurationSection {
  var repoID = ""
  var root: String?
  var episodes: [Int]?
  var revision: String?
  var imageTransforms: JSON = ["enable": false]
  var usesImageNetStatistics = true
  var videoBackend: String?
  var streams = false

  static var fields: [Field<Self>] {
    [
      .init("repo_id", \.repoID, help: "the dataset's name, such as HuggingFaceVLA/libero"),
      .init("root", \.root, help: "its folder; else HF_LEROBOT_HOME/REPO_ID"),
      .init("episodes", \.episodes, help: "episodes to use; null for all"),
      .init("revision", \.revision, help: "the repository's revision"),
      .init("image_transforms", \.imageTransforms, help: "LeRobot's image transforms; not supported yet"),
      .init("use_imagenet_stats", \.usesImageNetStatistics, help: "no effect: SmolVLA does not normalise images"),
      .init("video_backend", \.videoBackend, help: "no effect: FFmpeg decodes"),
      .init("streaming", \.streams, help: "not supported"),
    ]
  }

  func validate() throws(ConfigurationError) {
    guard imageTransforms["enable"]?.bool != true else {
      throw ConfigurationError("image_transforms.enable", "is not supported yet; leave it at false")
    }
    guard episodes?.isEmpty != true else {
      throw ConfigurationError("episodes", "expected at least one episode, or null for all, found []")
    }
    guard !streams else { throw ConfigurationError("streaming", "is not supported; download the dataset") }
  }
}

/// `--env.…` of the embedded suite.
struct ShapesSettings: ConfigurationSection, Equatable {
  var task = ""
  var imageSize = 64

  static var fields: [Field<Self>] {
    [
      .init("task", \.task, help: "tasks, separated by commas; empty for all"),
      .init("image_size", \.imageSize, help: "the side of each camera's picture, pixels"),
    ]
  }
}

/// The environment chosen by `--env.type`.
enum EnvironmentSettings: Sendable, Equatable {
  case shapes(ShapesSettings)

  static var choices: [Choice<EnvironmentSettings>] {
    [
      Choice("shapes", ShapesSettings.self, wrap: EnvironmentSettings.shapes) {
        if case .shapes(let settings) = $0 { settings } else { nil }
      }
    ]
  }

  func suite() throws -> any EnvironmentSuite {
    switch self {
    case .shapes(let settings): try ShapesSuite(imageSize: settings.imageSize)
    }
  }

  /// The tasks asked for, each one of the suite's.
  func tasks() throws -> [String] {
    let suite = try suite()
    switch self {
    case .shapes(let settings):
      let names = settings.task.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
      for name in names { _ = try suite.specification(ofTask: name) }
      return names.isEmpty ? suite.taskNames : names
    }
  }
}

extension Device {
  /// The device of a `--device` flag; without one a GPU if there is one.
  static func chosen(_ name: String?) throws -> Device {
    guard let name else { return try TorchEngine.shared().deviceCount > 0 ? .cuda(0) : .cpu }
    guard let device = Device(name) else {
      throw PolicyError("--policy.device=\(name): expected cpu, cuda or cuda:N")
    }
    if case .cuda(let index) = device, try TorchEngine.shared().deviceCount <= index {
      throw PolicyError(
        "--policy.device=\(name): torch \(try TorchEngine.shared().version) finds "
          + "\(try TorchEngine.shared().deviceCount) such devices; use cpu, or set WM_TORCH_DIR to a torch with GPU support"
      )
    }
    return device
  }
}

/// A command's results go to a new folder: an old one is kept unless the user says otherwise.
func prepareOutput(_ path: String, overwrite: Bool) throws -> URL {
  let url = URL(fileURLWithPath: path, isDirectory: true).standardizedFileURL
  let files = FileManager.default
  if let contents = try? files.contentsOfDirectory(atPath: url.path), !contents.isEmpty {
    guard overwrite else {
      throw PolicyError("\(path) exists and is not empty; choose another --output_dir, or give --overwrite")
    }
    try files.removeItem(at: url)
  }
  do { try files.createDirectory(at: url, withIntermediateDirectories: true) } catch {
    throw PolicyError("\(path) could not be made: \(systemReason(of: error)); choose another --output_dir")
  }
  return url
}

/// `outputs/KIND/2026-11-23/10-20-30_NAME`, as LeRobot names unnamed runs.
func defaultOutput(_ kind: String, _ name: String) -> String {
  let format = DateFormatter()
  format.locale = Locale(identifier: "en_US_POSIX")
  format.dateFormat = "yyyy-MM-dd/HH-mm-ss"
  return "outputs/\(kind)/\(format.string(from: Date()))_\(name)"
}

/// A line for people, beside the results on standard output; lost where standard error is closed or its disk full.
func say(_ line: String) { try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8)) }

/// The versions that results depend on.
func engineVersions() -> JSON {
  var versions: OrderedDictionary<String, JSON> = [:]
  versions["torch"] = (try? TorchEngine.shared().version).map(JSON.string) ?? .null
  versions["mujoco"] = "3.3.2"
  return .object(versions)
}
