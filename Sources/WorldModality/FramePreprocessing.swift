import ModelFiles
import Torch

/// How a camera's picture becomes what the encoder sees: resized bilinearly (`align_corners=false`) to a square of
/// `size` pixels and normalised with ImageNet's mean and standard deviation.
public struct FramePreprocessing: Sendable, Equatable {
  /// The side of a frame, in pixels.
  public let size: Int
  /// Means of red, green and blue.
  public static let mean: [Float] = [0.485, 0.456, 0.406]
  /// Standard deviations of red, green and blue.
  public static let deviation: [Float] = [0.229, 0.224, 0.225]

  /// Preprocessing for frames of `size` pixels, an encoder's `cropSize`.
  public init(size: Int) { self.size = size }

  /// Pictures as cameras give them.
  ///
  /// - Parameter images: [H, W, 3] or [B, H, W, 3] uint8.
  /// - Returns: [3, size, size] or [B, 3, size, size] float32.
  public func frames(fromBytes images: Tensor) throws -> Tensor {
    let shape = images.shape
    guard images.dtype == .uint8, (3...4).contains(shape.count), shape.last == 3, !shape.contains(0) else {
      throw WorldModalityError("expected RGB bytes [height, width, 3], found \(images.dtype) of shape \(shape)")
    }
    let batch = shape.count == 3 ? try images.unsqueezed(0) : images
    let frames = try frames(batch.permuted([0, 3, 1, 2]).to(.float32) / 255)
    return shape.count == 3 ? try frames.squeezed(0) : frames
  }

  /// Pictures as policies get them.
  ///
  /// - Parameter images: [B, 3, H, W] in [0, 1].
  /// - Returns: [B, 3, size, size] float32.
  public func frames(_ images: Tensor) throws -> Tensor {
    let shape = images.shape
    guard images.dtype.isFloatingPoint, shape.count == 4, shape[1] == 3, !shape.contains(0) else {
      throw WorldModalityError("expected images [batch, 3, height, width] in 0 … 1, found \(images.dtype) \(shape)")
    }
    return try withoutGradients { () throws(TorchError) in
      let resized = try images.to(.float32).resizedBilinear(height: size, width: size)
      let mean = try Tensor(Self.mean, shape: [3, 1, 1], device: images.device)
      let deviation = try Tensor(Self.deviation, shape: [3, 1, 1], device: images.device)
      return try (resized - mean) / deviation
    }
  }

  /// What a latent cache's sidecar says of it.
  public var json: JSON {
    [
      "size": .integer(size), "resize": "bilinear, align_corners=false",
      "mean": .array(Self.mean.map { .number(Double("\($0)") ?? Double($0)) }),
      "std": .array(Self.deviation.map { .number(Double("\($0)") ?? Double($0)) }),
    ]
  }
}
