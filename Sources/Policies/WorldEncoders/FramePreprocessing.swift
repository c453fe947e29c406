import Failures
import LibTorch
import ModelFiles
import OrderedCollections

/// How a camera's image becomes what an encoder sees: brought to a square of `size` pixels and normalized with
/// ImageNet's mean and standard deviation.
public struct FramePreprocessing: Sendable, Equatable {
  /// How an image is brought to the square.
  public enum Fit: Sendable, Equatable {
    /// All of it is resized, bilinearly (`align_corners=false`).
    case stretched
    /// It is resized until its shorter side is `shortestEdge`, bicubically with antialiasing and rounded to bytes, and
    /// its center is cut out; transformers' `BitImageProcessor`.
    case cropped(shortestEdge: Int)
  }

  /// The side of a frame, in pixels.
  public let size: Int
  /// How images of other sizes are fitted.
  public let fit: Fit
  /// Means of red, green and blue.
  public static let mean: [Float] = [0.485, 0.456, 0.406]
  /// Standard deviations of red, green and blue.
  public static let deviation: [Float] = [0.229, 0.224, 0.225]

  /// Preprocessing for frames of `size` pixels.
  public init(size: Int, fit: Fit = .stretched) {
    self.size = size
    self.fit = fit
  }

  /// Images as cameras give them.
  ///
  /// - Parameter images: [B, H, W, 3] uint8.
  /// - Returns: [B, 3, size, size] float32.
  public func frames(_ images: Tensor) throws -> Tensor {
    let shape = images.shape
    guard images.dtype == .uint8, shape.count == 4, shape.last == 3, !shape.contains(0) else {
      throw Failure("expected RGB bytes [batch, height, width, 3], found \(images.dtype) of shape \(shape)")
    }
    return try withoutGradients {
      let fitted = try fitted(images.permuted([0, 3, 1, 2]).to(.float32))
      let mean = try Tensor(Self.mean, shape: [3, 1, 1], device: images.device)
      let deviation = try Tensor(Self.deviation, shape: [3, 1, 1], device: images.device)
      return try (fitted - mean) / deviation
    }
  }

  /// [B, 3, H, W] in 0 … 255 → [B, 3, size, size] in 0 … 1
  private func fitted(_ images: Tensor) throws -> Tensor {
    switch fit {
    case .stretched: return try (images / 255).resizedBilinear(height: size, width: size)
    case .cropped(let edge):
      let (height, width) = (images.size(2), images.size(3))
      let shorter = min(height, width)
      let (tall, wide) = (height * edge / shorter, width * edge / shorter)
      var resized = images
      if shorter != edge {
        // As Pillow does: rows first, rounded to bytes, then columns.
        for (rows, columns) in [(height, wide), (tall, wide)] {
          resized = try resized.resizedBicubic(height: rows, width: columns, antialias: true).round()
            .clamp(min: 0, max: 255)
        }
      }
      let (top, left) = ((tall - size) / 2, (wide - size) / 2)
      return try resized.slice(dimension: 2, top..<top + size).slice(dimension: 3, left..<left + size) / 255
    }
  }

  /// What a latent cache's sidecar says of it.
  public var json: JSON {
    var members: OrderedDictionary<String, JSON> = ["size": .integer(size)]
    switch fit {
    case .stretched: members["resize"] = "bilinear, align_corners=false"
    case .cropped(let edge):
      members["resize"] = "bicubic, antialiased, cut at the centre"
      members["shortest_edge"] = .integer(edge)
    }
    members["mean"] = .array(Self.mean.map { .number(Double("\($0)") ?? Double($0)) })
    members["std"] = .array(Self.deviation.map { .number(Double("\($0)") ?? Double($0)) })
    return .object(members)
  }

  /// Reads a sidecar's form, or returns nil if it is not valid, or of a preprocessing that there is not.
  package init?(_ json: JSON?) {
    guard let size = json?["size"]?.integer else { return nil }
    self.init(size: size, fit: json?["shortest_edge"]?.integer.map(Fit.cropped) ?? .stretched)
    guard json?.text(.compact) == self.json.text(.compact) else { return nil }
  }
}
