import Failures
import Foundation
import LeRobotDatasets
import LibTorch
import ModelFiles
import OrderedCollections
import RobotPolicies
import Tracing

/// What the frozen vision tower gives for a dataset's frames, kept on disk: a run computes it once for each frame, and
/// later epochs and runs read it instead of decoding images.
///
/// A file belongs to one camera and to one tower, preprocessing, arithmetic and dataset, whose hash is in its name;
/// training with it is bit-equal to training without.
public struct ImageFeatureCache: Sendable {
  /// [tokens, width]
  let shape: [Int]
  let dtype: DType
  /// By the camera's name in the dataset.
  let files: OrderedDictionary<String, RowFile>
  /// The policy's name of each camera.
  let names: [String: String]

  /// Opens the files of a run, or creates them.
  ///
  /// - Parameters:
  ///   - folder: where the files lie; created if it is missing.
  ///   - cameras: under the dataset's names.
  ///   - dataset: what tells the dataset's contents from all others.
  /// - Throws: why the run cannot keep features, and a disk that is too small.
  public init(
    in folder: URL, _ pretrained: PretrainedPolicy, _ dataset: LeRobotDataset, cameras: [String],
    renaming: OrderedDictionary<String, String>, dataset contents: String
  ) throws {
    let policy = try Self.requireKept(pretrained.policy)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    names = Dictionary(uniqueKeysWithValues: cameras.map { ($0, renaming[$0] ?? $0) })
    let identity = try policy.imageFeatureIdentity()
    var files: OrderedDictionary<String, RowFile> = [:]
    var found: (shape: [Int], dtype: DType)?
    for camera in cameras {
      guard let size = dataset.metadata.features[camera]?.imageSize else { continue }
      let black = try Tensor.zeros([1, size.height, size.width, 3], dtype: .uint8)
      let example = try policy.imageFeatures(of: pretrained.preprocessed(black, of: camera, renaming[camera] ?? camera))
      found = (Array(example.shape.dropFirst()), example.dtype)
      var members: OrderedDictionary<String, JSON> = [
        "camera": .string(camera), "dataset_sha256": .string(contents), "frames": .integer(dataset.metadata.frameCount),
        "policy": identity, "normalization": try pretrained.visualNormalization(of: camera, renaming[camera] ?? camera),
        "shape": .array(example.shape.dropFirst().map(JSON.integer)), "dtype": .string("\(example.dtype)"),
      ]
      // An earlier version kept any frame within the tolerance; what it kept of videos is not read.
      if dataset.metadata.features[camera]?.dataType == .video { members["frame_choice"] = "nearest" }
      let identity = JSON.object(members)
      let name = "image_features_\(camera)_\(sha256(of: identity.text(.line)).prefix(16))"
      let file = try contained(name, in: folder)
      let bytes = example.dtype.byteCount * example.shape.dropFirst().reduce(1, *)
      try Self.requireSpace(file, dataset.metadata.frameCount * bytes)
      files[camera] = try RowFile(file, count: dataset.metadata.frameCount, rowBytes: bytes)
      try identity.write(to: file.appendingPathExtension("json"), overwrite: true)
    }
    guard let found else { throw Failure("`feature_cache_dir`: the policy has no camera") }
    (shape, dtype) = found
    self.files = files
  }

  /// Refuses a policy whose image features change while it is trained.
  @discardableResult
  public static func requireKept(_ policy: any Policy) throws -> any ImageFeaturePolicy {
    guard let policy = policy as? any ImageFeaturePolicy else {
      throw Failure("this kind of policy has no image features to keep; leave out `feature_cache_dir`")
    }
    if let obstacle = policy.imageFeatureObstacle {
      throw Failure("`feature_cache_dir`: \(obstacle), so the features of images change; leave it out")
    }
    return policy
  }

  private static func requireSpace(_ file: URL, _ bytes: Int) throws {
    guard !FileManager.default.fileExists(atPath: file.path) else { return }
    let attributes = try FileManager.default.attributesOfFileSystem(forPath: file.deletingLastPathComponent().path)
    guard let free = (attributes[.systemFreeSize] as? NSNumber)?.intValue, free < bytes else { return }
    throw Failure(
      "`feature_cache_dir`: \(file.path) needs \(formattedSize(bytes)), its disk has \(formattedSize(free)) free; name a "
        + "folder on a larger disk")
  }

  /// One line: how large it is, and how much of it is there.
  public var summary: String {
    let bytes = files.values.reduce(0) { $0 + $1.count * $1.rowBytes }
    let present = files.values.map(\.presentCount).min() ?? 0
    let frames = files.values.first?.count ?? 0
    let folder = files.values.first?.url.deletingLastPathComponent() ?? URL(fileURLWithPath: "")
    let size = (present < frames ? "growing to " : "") + formattedSize(bytes)
    let stranger =
      present == 0 && hasOthers(in: folder)
      ? "; what is there already is of another tower, precision, kind of device, torch or dataset" : ""
    return "image features: \(present) of \(frames) frames are in \(folder.path), \(size) for "
      + "\(counted(files.count, "camera"))\(stranger)"
  }

  /// Whether a folder has features that are not this run's.
  private func hasOthers(in folder: URL) -> Bool {
    let own = Set(files.values.map { $0.url.appendingPathExtension("json").lastPathComponent })
    let found = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return found.contains { $0.hasPrefix("image_features_") && $0.hasSuffix(".json") && !own.contains($0) }
  }

  /// The files' names by camera; a name tells tower, preprocessing, arithmetic and dataset.
  public var fileNames: JSON { .object(files.mapValues { .string($0.url.lastPathComponent) }) }

  /// Whether the features of all cameras are there.
  func contains(_ frames: [Int]) -> Bool { files.values.allSatisfy { file in frames.allSatisfy(file.contains) } }

  /// The features of frames, by the policy's name of each camera: rows one after another.
  func read(_ frames: [Int]) throws -> [String: [UInt8]] {
    var features: [String: [UInt8]] = [:]
    for (camera, file) in files {
      var bytes = [UInt8](repeating: 0, count: frames.count * file.rowBytes)
      try bytes.withUnsafeMutableBytes { all in
        for (place, frame) in frames.enumerated() {
          let row = all[place * file.rowBytes..<(place + 1) * file.rowBytes]
          try file.read(frame, into: UnsafeMutableRawBufferPointer(rebasing: row))
        }
      }
      features[names[camera] ?? camera] = bytes
    }
    return features
  }

  /// Computes the features of a batch's images, keeps them, and puts them in the images' place.
  func replaceImages(in batch: inout Batch, of frames: [Int], _ pretrained: PretrainedPolicy) throws {
    guard let policy = pretrained.policy as? any ImageFeaturePolicy else { return }
    for (camera, file) in files {
      guard let images = batch[camera] else { continue }
      let name = names[camera] ?? camera
      let input = try pretrained.preprocessed(images, of: camera, name)
      let features = try traced(.encoder) { try policy.imageFeatures(of: input) }
      try features.to(Device.cpu).contiguous().withBytes { bytes in
        Result {
          for (place, frame) in frames.enumerated() where !file.contains(frame) {
            let row = bytes[place * file.rowBytes..<(place + 1) * file.rowBytes]
            try file.write(frame, UnsafeRawBufferPointer(rebasing: row))
          }
        }
      }.get()
      batch[camera] = nil
      batch[BatchKey.features(of: name)] = features
    }
  }

  /// The features as tensors [B, tokens, width] on the CPU.
  func tensors(_ features: [String: [UInt8]], rows: Int) throws -> [(key: String, tensor: Tensor)] {
    try features.sorted { $0.key < $1.key }.map { name, bytes in
      let tensor = try Tensor(bytes: dtype, shape: [rows] + shape) { $0.copyBytes(from: bytes) }
      return (BatchKey.features(of: name), tensor)
    }
  }
}

extension PretrainedPolicy {
  /// Images of a camera as the policy, which calls it `name`, gets them: pixels [B, H, W, 3] → [B, 3, H, W].
  fileprivate func preprocessed(_ images: Tensor, of camera: String, _ name: String) throws -> Tensor {
    let tasks = [String](repeating: "", count: images.size(0))
    return try preprocessor(Batch([camera: images]), tasks: tasks, device: policy.parameters.device).require(name)
  }

  /// What the preprocessor does to a camera's numbers.
  fileprivate func visualNormalization(of camera: String, _ name: String) throws -> JSON {
    let half = try preprocessed(Tensor.full([1, 2, 2, 3], 128, dtype: .uint8), of: camera, name)
    return .array(try half.to(Device.cpu).reshaped([-1]).scalars(Float.self).map { .number(Double($0)) })
  }
}
