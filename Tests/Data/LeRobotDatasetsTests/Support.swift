import Foundation
import MediaCoding
import ModelFiles
import OrderedCollections
import RGBImages
import Testing

@testable import LeRobotDatasets

/// A dataset that LeRobot wrote, or a file beside it; `make parity` has fresh ones made in a folder of its own.
func golden(_ name: String) throws -> URL {
  if let fresh = ProcessInfo.processInfo.environment["WM_PARITY_DATASET_GOLDENS"] {
    return URL(fileURLWithPath: fresh).appendingPathComponent(name)
  }
  let resources = try #require(Bundle.module.resourceURL)
  return resources.appendingPathComponent("Goldens").appendingPathComponent(name)
}

/// A folder that goes with the test.
func withFolder(_ body: (URL) throws -> Void) throws {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-data-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  try body(folder)
}

/// The toy frames, as oracle/common/toy_datasets.py makes them.
enum ToyDataset {
  static let width = 32, height = 24
  static let lengths = [4, 3, 5]
  static let tasks = ["push the red block", "touch the left side"]

  static func image(_ camera: Int, _ episode: Int, _ frame: Int) throws -> RGBImage {
    var pixels: [UInt8] = []
    for y in 0..<height {
      for x in 0..<width {
        for value in [x * 5 + frame * 10 + camera * 40, y * 7 + episode * 20, (x + y) * 3 + camera] {
          pixels.append(UInt8(value % 256))
        }
      }
    }
    return try RGBImage(width: width, height: height, pixels: pixels)
  }

  static func state(_ episode: Int, _ frame: Int) -> [Float] {
    [Float(frame) * 0.5, -Float(episode), Float(frame * episode) * 0.25]
  }

  static func action(_ episode: Int, _ frame: Int) -> [Float] {
    [Float(episode) + Float(frame) * 0.125, -Float(frame)]
  }

  static func features(_ type: DatasetFeature.DataType, cameras: [String]) -> OrderedDictionary<String, DatasetFeature>
  {
    var features: OrderedDictionary<String, DatasetFeature> = [
      "observation.state": DatasetFeature(.float32, shape: [3], names: ["x", "y", "z"]),
      "action": DatasetFeature(.float32, shape: [2], names: ["dx", "dy"]),
    ]
    for camera in cameras { features["observation.images.\(camera)"] = .camera(type, height: height, width: width) }
    if type == .image {
      features["next.reward"] = DatasetFeature(.float32, shape: [1])
      features["next.done"] = DatasetFeature(.bool, shape: [1])
    }
    return features
  }

  /// Records the toy dataset.
  static func write(
    to root: URL, _ type: DatasetFeature.DataType, cameras: [String], codec: VideoCodec? = nil, overwrite: Bool = false,
    chunks: ChunkSettings = ChunkSettings()
  ) throws {
    let writer = try DatasetWriter(
      root: root, framesPerSecond: 10, robotType: "toy", features: features(type, cameras: cameras),
      chunks: chunks, videoCodec: codec, overwrite: overwrite)
    for (episode, length) in lengths.enumerated() {
      for frame in 0..<length {
        var values: [String: FeatureValue] = [
          "observation.state": .floats(state(episode, frame)), "action": .floats(action(episode, frame)),
        ]
        for (number, camera) in cameras.enumerated() {
          values["observation.images.\(camera)"] = .image(try image(number, episode, frame))
        }
        if type == .image {
          values["next.reward"] = .floats([Float(Double(frame) / Double(length))])
          values["next.done"] = .booleans([frame == length - 1])
        }
        try writer.addFrame(values)
      }
      try writer.saveEpisode(task: tasks[episode % 2])
    }
    try writer.finish()
  }
}

/// The largest difference between two images' bytes.
func difference(_ first: some Collection<UInt8>, _ second: some Collection<UInt8>) -> Int {
  guard first.count == second.count else { return .max }
  return zip(first, second).map { abs(Int($0) - Int($1)) }.max() ?? 0
}

/// The sentence that a call fails with.
func sentence(_ body: () throws -> Void) -> String {
  do {
    try body()
    return "no error"
  } catch { return "\(error)" }
}
