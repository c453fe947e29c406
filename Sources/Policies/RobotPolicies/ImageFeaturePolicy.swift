import LibTorch
import ModelFiles

/// A policy that looks at single images through parts that are not trained: what they give can be kept and used again.
///
/// A batch may bring it under ``BatchKey/features(of:)`` in the place of a camera's images.
public protocol ImageFeaturePolicy: Policy {
  /// Why the features of images cannot be kept; nil if they can.
  var imageFeatureObstacle: String? { get }

  /// The features of preprocessed images [B, 3, H, W], exactly as the loss computes them: [B, tokens, width].
  func imageFeatures(of images: Tensor) throws -> Tensor

  /// What the features depend on beside the images: weights, sizes, arithmetic.
  func imageFeatureIdentity() throws -> JSON
}

extension BatchKey {
  /// The key of a camera's image features, [B, tokens, width].
  public static func features(of camera: String) -> String { camera + ".features" }
}
