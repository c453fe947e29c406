import Failures
import Foundation
import LibTorch
import RobotPolicies

/// A camera's images, and whether each sample has them.
struct PreparedImages {
  enum Content {
    /// As the vision tower takes them: [B, 3, H, W] in [-1, 1].
    case pixels(Tensor)
    /// What tower and connector gave for them: [B, tokens, width].
    case features(Tensor)
  }

  let content: Content
  /// bool [B]
  let present: Tensor
}

enum ImagePreparation {
  /// The policy's cameras out of a batch, in the policy's order, then as many absent ones as `empty_cameras` allows.
  ///
  /// As in LeRobot, cameras that are absent beyond that are left out; whether a dataset or an environment has what the
  /// policy was trained on is asked once, where they meet, and not for every batch.
  /// - Throws: where no camera is there.
  static func images(of batch: Batch, _ configuration: SmolVLAConfiguration) throws -> [PreparedImages] {
    let cameras = configuration.inputFeatures.of(.visual).keys
    let present = cameras.filter { batch[$0] != nil || batch[BatchKey.features(of: $0)] != nil }
    let absent = min(cameras.count - present.count, configuration.emptyCameras)
    guard !present.isEmpty else {
      throw Failure(
        "the batch has none of the policy's cameras \(cameras.joined(separator: ", ")); map names with `rename_map`")
    }
    var prepared: [PreparedImages] = []
    for camera in present {
      let features = batch[BatchKey.features(of: camera)]
      let content: PreparedImages.Content =
        if let features { .features(features) } else {
          .pixels(try pixels(of: batch.require(camera), camera, configuration))
        }
      let tensor = try features ?? batch.require(camera)
      let mask =
        if let mask = batch["\(camera)_padding_mask"] { try mask.to(.bool) } else {
          try Tensor.ones([tensor.size(0)], dtype: .bool, device: tensor.device)
        }
      prepared.append(PreparedImages(content: content, present: mask))
    }
    for _ in 0..<max(0, absent) {
      guard let last = prepared.last, case .pixels(let pixels) = last.content else { break }
      prepared.append(
        PreparedImages(
          content: .pixels(try Tensor.full(pixels.shape, -1, device: pixels.device)),
          present: try Tensor.zeros(last.present.shape, dtype: .bool, device: last.present.device)))
    }
    return prepared
  }

  /// A camera's images [B, 3, H, W] or [B, steps, 3, H, W] in [0, 1], resized and in [-1, 1]; of several steps the last.
  static func pixels(of images: Tensor, _ camera: String, _ configuration: SmolVLAConfiguration) throws -> Tensor {
    let image = images.rank == 5 ? try images.select(dimension: 1, index: images.size(1) - 1) : images
    guard image.rank == 4, image.size(1) == 3 else {
      throw Failure("\(camera) has the shape \(image.shape), the policy needs [batch, 3, height, width]")
    }
    guard let size = configuration.imageSize else { return try image * 2 - 1 }
    return try resizeWithPadding(image, width: size[0], height: size[1]) * 2 - 1
  }

  /// [B, C, H, W] scaled to fit into width × height and padded with zeros on the left and on top.
  static func resizeWithPadding(_ image: Tensor, width: Int, height: Int) throws -> Tensor {
    let (currentHeight, currentWidth) = (image.size(2), image.size(3))
    if (currentHeight, currentWidth) == (height, width) { return image }
    let ratio = max(Double(currentWidth) / Double(width), Double(currentHeight) / Double(height))
    let resizedHeight = Int(Double(currentHeight) / ratio)
    let resizedWidth = Int(Double(currentWidth) / ratio)
    let resized = try image.resizedBilinear(height: resizedHeight, width: resizedWidth)
    return try resized.padded([max(0, width - resizedWidth), 0, max(0, height - resizedHeight), 0])
  }
}
