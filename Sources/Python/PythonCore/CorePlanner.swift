import CounterBasedRandom
import Failures
import LibTorch
import ModelFiles
import PretrainedPolicies
import RGBImages
import RobotPolicies

/// A policy of a checkpoint, with its processors.
final class CorePlanner: CoreObject {
  private let policy: PretrainedPolicy

  private init(_ policy: PretrainedPolicy) { self.policy = policy }

  static func make(_ request: CoreRequest) throws -> CoreAnswer {
    let device = try request.json["device"]?.string.map { try Device.chosen($0) }
    let loaded = try PretrainedPolicy.load(request.text("path"), device: device)
    let interface = loaded.policy.interface
    let history = loaded.policy.history
    return CoreAnswer(json: [
      "object": .integer(CorePlanner(loaded).retained()),
      "cameras": .array(interface.cameras.map { .string(String($0.dropFirst(BatchKey.images.count))) }),
      "action_steps": .integer(interface.actionSteps), "chunk_size": .integer(interface.chunkSize),
      "history": history?.json ?? .null,
    ])
  }

  func plan(_ request: CoreRequest) throws -> CoreAnswer {
    var images: [String: RGBImage] = [:]
    for (name, tensor) in request.tensors where name.hasPrefix("images.") {
      images[String(name.dropFirst("images.".count))] = try RGBImage(tensor, name)
    }
    var history: [RGBImage] = []
    if let frames = request.tensors["history"] {
      guard frames.rank == 4 else {
        throw Failure("history has the shape \(frames.shape), not [frames, height, width, 3]")
      }
      history = try (0..<frames.size(0)).map { try RGBImage(frames.select(dimension: 0, index: $0), "history") }
    }
    let observation = PolicyObservation(
      images: images, state: try request.tensor("state").scalars(Float.self),
      instruction: try request.text("instruction"), history: history)
    let random = CountedRandom(seed: try request.integer("seed"), "python-planning").at(0)
    return try inTurn {
      let chunk = try policy.actionChunks(for: [observation], random: [random])[0]
      return CoreAnswer(
        tensors: [BatchKey.action: try Tensor(chunk.numbers, shape: [chunk.count, chunk.dimension])])
    }
  }
}

extension RGBImage {
  /// An image from its pixels, [height, width, 3] uint8.
  fileprivate init(_ pixels: Tensor, _ name: String) throws {
    let shape = pixels.shape
    guard pixels.dtype == .uint8, shape.count == 3, shape[2] == 3 else {
      throw Failure("\(name) is \(pixels.dtype) of the shape \(shape), not uint8 of [height, width, 3]")
    }
    try self.init(width: shape[1], height: shape[0], pixels: pixels.scalars(UInt8.self))
  }
}
