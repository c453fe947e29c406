import Failures
import Foundation
import HuggingFaceHub
import PretrainedPolicies
import WorldModality

/// Refuses to empty a folder that is or holds an input of the command, by its own path or where links lead.
func requireNoInputs(_ inputs: [URL], in folder: URL) throws {
  func places(_ url: URL) -> [[String]] {
    [url.standardizedFileURL, url.resolvingSymlinksInPath()].map { $0.standardizedFileURL.pathComponents }
  }
  for input in inputs {
    let isInside = places(input).contains { place in places(folder).contains { place.starts(with: $0) } }
    guard isInside else { continue }
    throw Failure(
      "\(folder.path) is or holds \(input.path), which the command reads, and would be emptied; choose another folder")
  }
}

extension PolicySettings {
  /// The folders of this machine that a policy of these settings is read from: backbone, encoder and latents.
  var inputFolders: [URL] {
    let models = [smolvla.backboneName, world?.encoderName].compactMap { $0.flatMap(localFolder) }
    return models + [world?.cacheDirectory].compactMap { $0.map { URL(fileURLWithPath: $0, isDirectory: true) } }
  }
}

/// The folder that a model's name means here; nil where it is not there yet.
private func localFolder(_ name: String) -> URL? { ModelLocation.cached(name, holding: []) }

extension EvalCommand.Settings {
  /// The folders of this machine that the evaluation reads.
  var inputFolders: [URL] { [policyPath.flatMap(localFolder)].compactMap(\.self) + policy.inputFolders }
}

extension TrainSettings {
  /// The folders of this machine that a new run reads, apart from its dataset's.
  func inputFolders() throws -> [URL] {
    let features = featureCacheDirectory.map { URL(fileURLWithPath: $0, isDirectory: true) }
    return [try startingPoint(), features].compactMap(\.self) + policy.inputFolders
  }
}
