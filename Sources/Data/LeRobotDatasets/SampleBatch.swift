import Failures
import RGBImages

/// What a batch is to hold.
public struct SampleSpecification: Sendable {
  public var cameras: [String]
  /// Numeric features to gather besides the actions.
  public var features: [String]
  /// The feature that actions come from; nil for none.
  public var actionFeature: String?
  public var chunkSize: Int
  /// Random changes to a batch's images; nil for none.
  public var transforms: ImageTransforms?

  public init(
    cameras: [String], features: [String], actionFeature: String? = "action", chunkSize: Int,
    transforms: ImageTransforms? = nil
  ) {
    self.cameras = cameras
    self.features = features
    self.actionFeature = actionFeature
    self.chunkSize = chunkSize
    self.transforms = transforms
  }
}

/// Images of one camera, one after another.
public struct ImageBatch: Sendable, Equatable {
  /// RGB, row-major.
  public enum Pixels: Sendable, Equatable {
    /// `[count, height, width, 3]`, as recorded.
    case recorded([UInt8])
    /// `[count, 3, height, width]` in [0, 1], after random changes.
    case transformed([Float])
  }

  public let count: Int, width: Int, height: Int
  public let pixels: Pixels
}

/// Samples that are trained on together; plain values, sample after sample.
public struct SampleBatch: Sendable, Equatable {
  public let positions: [Int]
  public let frames: [LeRobotDataset.Frame]
  /// `[batch, width]` by feature.
  public let features: [String: [Float]]
  public let images: [String: ImageBatch]
  /// `[batch, chunk, width]`; past the episode's end its last action is repeated.
  public let actions: [Float]
  /// `[batch, chunk]`: whether the action lies past the episode's end.
  public let actionIsPadding: [Bool]
}

/// One frame with what a policy learns from it.
public struct Sample: Sendable, Equatable {
  public let frame: LeRobotDataset.Frame
  public let features: [String: [Float]]
  public let images: [String: RGBImage]
  /// `[chunk, width]`; past the episode's end its last action is repeated.
  public let actions: [Float]
  /// `[chunk]`: whether the action lies past the episode's end.
  public let actionIsPadding: [Bool]
}

extension LeRobotDataset {
  /// Everything there is: all cameras and all numeric features but the actions.
  public func everything(chunkSize: Int) -> SampleSpecification {
    SampleSpecification(
      cameras: metadata.cameras, features: numbers.features.keys.filter { $0 != "action" },
      actionFeature: numbers.features["action"] == nil ? nil : "action", chunkSize: chunkSize)
  }

  private func actions(_ request: SampleSpecification, at position: Int) throws -> (values: [Float], pad: [Bool]) {
    guard let feature = request.actionFeature else { return ([], []) }
    let window = try window(at: position, offsets: 0..<max(0, request.chunkSize))
    return (try values(of: feature, at: window.indices), window.isValid.map { !$0 })
  }

  public func sample(at position: Int, _ request: SampleSpecification) throws -> Sample {
    let frame = try frame(at: position)
    let actions = try actions(request, at: position)
    var features: [String: [Float]] = [:]
    for name in request.features { features[name] = try values(of: name, at: [position]) }
    var images: [String: RGBImage] = [:]
    for camera in request.cameras { images[camera] = try image(camera, at: position) }
    return Sample(
      frame: frame, features: features, images: images, actions: actions.values, actionIsPadding: actions.pad)
  }

  /// Several frames, decoded into contiguous buffers.
  ///
  /// - Parameter draw: the first sample's place among all samples, from which the changes of its images follow.
  public func batch(_ positions: [Int], _ request: SampleSpecification, draw: Int = 0) throws -> SampleBatch {
    var frames: [Frame] = []
    var actions: [Float] = []
    var padding: [Bool] = []
    for position in positions {
      frames.append(try frame(at: position))
      let (values, pad) = try self.actions(request, at: position)
      actions += values
      padding += pad
    }
    var features: [String: [Float]] = [:]
    for name in request.features { features[name] = try values(of: name, at: positions) }
    var images: [String: ImageBatch] = [:]
    for camera in request.cameras { images[camera] = try imageBatch(camera, positions, request.transforms, draw) }
    return SampleBatch(
      positions: positions, frames: frames, features: features, images: images, actions: actions,
      actionIsPadding: padding)
  }

  private func imageBatch(
    _ camera: String, _ positions: [Int], _ transforms: ImageTransforms?, _ draw: Int
  ) throws -> ImageBatch {
    guard let size = metadata.features[camera]?.imageSize else {
      throw Failure("expected a camera named \(camera) in \(root.path)")
    }
    let room = positions.count * size.width * size.height * 3
    let pixels: ImageBatch.Pixels
    if let transforms {
      var values: [Float] = []
      values.reserveCapacity(room)
      for (slot, position) in positions.enumerated() {
        values += transforms.apply(to: try image(camera, at: position), draw: draw + slot, camera: camera).values
      }
      pixels = .transformed(values)
    } else {
      var bytes: [UInt8] = []
      bytes.reserveCapacity(room)
      for position in positions { bytes += try image(camera, at: position).pixels }
      pixels = .recorded(bytes)
    }
    return ImageBatch(count: positions.count, width: size.width, height: size.height, pixels: pixels)
  }
}
