import LayeredSettings

/// The kind of encoder that latents come from.
public enum LatentsSource: String, Sendable, CaseIterable, ConfigurationValue {
  /// V-JEPA 2: a clip is encoded as a whole, and its tokens are averaged.
  case vjepa
  /// DINOv2: each frame of a clip is encoded alone, and their CLS tokens are averaged.
  case dino
}
