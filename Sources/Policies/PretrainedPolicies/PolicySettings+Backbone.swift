import Failures
import Foundation
import HuggingFaceHub
import ModelFiles
import WorldEncoders
import WorldModality

extension PolicySettings {
  /// The folder of the backbone's configuration and tokenizer: the one that `vlm_model_name` names, else the only one
  /// beside the checkpoint's weights, as when the checkpoint comes from a machine with other paths.
  ///
  /// - Parameters:
  ///   - checkpoint: a `pretrained_model` folder; nil for none.
  ///   - files: what the caller will read.
  /// - Throws: the name, who gave it and what to give instead.
  public func backboneFolder(besides checkpoint: URL?, holding files: [String] = []) throws -> URL {
    let name = smolvla.backboneName
    do { return try ModelLocation.directory(of: name, besides: checkpoint, holding: files) } catch {
      guard let checkpoint else {
        throw Failure(
          "the backbone \(name) was not found: \(error); give its folder with `vlm_model_name=FOLDER`, or make a tiny "
            + "one to try things with `scratch`")
      }
      if let only = Self.backbones(in: checkpoint, holding: files).onlyElement { return only }
      guard try isOwnName(of: checkpoint) else { throw error }
      throw Failure(
        "\(checkpoint.path)/config.json names the backbone \(name), which was not found: \(error); give its place with "
          + "`vlm_model_name`")
    }
  }

  /// Whether `vlm_model_name` is what the checkpoint itself says.
  func isOwnName(of checkpoint: URL) throws -> Bool {
    let file = checkpoint.appendingPathComponent("config.json")
    guard FileManager.default.fileExists(atPath: file.path) else { return false }
    return try JSON(contentsOf: file)["vlm_model_name"]?.string == smolvla.backboneName
  }

  private static func backbones(in folder: URL, holding files: [String]) -> [URL] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.sorted().map { folder.appendingPathComponent($0, isDirectory: true) }.filter { place in
      (["config.json", "tokenizer.json"] + files).allSatisfy {
        FileManager.default.fileExists(atPath: place.appendingPathComponent($0).path)
      }
    }
  }
}

extension Array {
  fileprivate var onlyElement: Element? { count == 1 ? first : nil }
}

extension WorldModalityConfiguration {
  /// The folder of the encoder that `world_vision_model_name` names, or of one of its last name beside a checkpoint's weights.
  ///
  /// - Throws: the name, and what to give instead.
  public func encoderFolder(besides checkpoint: URL?) throws -> EncoderFolder {
    let folder: URL
    do {
      folder = try ModelLocation.directory(of: encoderName, besides: checkpoint, holding: ModelLocation.weights)
    } catch {
      throw Failure(
        "the world encoder \(encoderName) was not found: \(error); give its place with `world_vision_model_name`")
    }
    return try EncoderFolder(folder)
  }
}
