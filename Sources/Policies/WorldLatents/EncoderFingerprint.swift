import ModelFiles
import WorldEncoders

/// What tells a frozen encoder, as it was used, from all others.
public struct EncoderFingerprint: Sendable, Equatable {
  public var source: LatentsSource
  /// Its repository or folder, as it was given; says nothing for sure.
  public var name: String
  /// Of its weights, see ``EncoderFolder/sha256()``.
  public var sha256: String
  /// The type that it computed in, `float32` or `bfloat16`.
  public var precision: String

  public init(source: LatentsSource, name: String, sha256: String, precision: String = "float32") {
    self.source = source
    self.name = name
    self.sha256 = sha256
    self.precision = precision
  }

  /// The form in which sidecars and checkpoints hold it.
  public var json: JSON {
    [
      "source": .string(source.rawValue), "name": .string(name), "sha256": .string(sha256),
      "precision": .string(precision),
    ]
  }

  /// Reads that form, or returns nil if it is not valid. Without a source it is V-JEPA 2, once the only one.
  public init?(_ json: JSON?) {
    guard let json, let name = json["name"]?.string, let sha256 = json["sha256"]?.string,
      let precision = json["precision"]?.string,
      let source = LatentsSource(rawValue: json["source"]?.string ?? LatentsSource.vjepa.rawValue)
    else { return nil }
    self.init(source: source, name: name, sha256: sha256, precision: precision)
  }
}
