import Failures
import LibTorch
import OrderedCollections
import Tracing

/// LeRobot's names for what is observed and done.
public enum BatchKey {
  /// [B, state]
  public static let state = "observation.state"
  /// What every camera's name starts with; each is [B, 3, H, W] in [0, 1], or pixels before the processors.
  public static let images = "observation.images."
  /// [B, L] int64
  public static let tokens = "observation.language.tokens"
  /// [B, L] bool
  public static let tokenMask = "observation.language.attention_mask"
  /// [B, chunk, action]
  public static let action = "action"
  /// [B, chunk] bool: steps that lie after the episode's end.
  public static let actionIsPad = "action_is_pad"
  /// [B, frames, H, W, 3] uint8: the past that a policy asked for, oldest first, the current image last.
  public static let history = "observation.history"
  /// [B, chunk, max_action_dim]: the noise that flow matching starts from.
  public static let noise = "noise"
  /// [B]: flow matching's time.
  public static let time = "time"
}

/// Tensors by LeRobot's names, one row for each sample or environment.
public struct Batch {
  public var tensors: OrderedDictionary<String, Tensor>

  public init(_ tensors: OrderedDictionary<String, Tensor> = [:]) { self.tensors = tensors }

  /// The tensor under `key`, or nil.
  public subscript(key: String) -> Tensor? {
    get { tensors[key] }
    set { tensors[key] = newValue }
  }

  /// The tensor under `key`.
  ///
  /// - Throws: which key is missing and which there are.
  public func require(_ key: String) throws -> Tensor {
    guard let tensor = tensors[key] else {
      throw Failure("the batch has no \(key); it has \(tensors.keys.joined(separator: ", "))")
    }
    return tensor
  }

  /// The tensor under `key`, of the given shape; -1 allows any size.
  ///
  /// - Throws: both shapes where they differ.
  public func require(_ key: String, shape: [Int]) throws -> Tensor {
    let tensor = try require(key)
    let found = tensor.shape
    guard found.count == shape.count, zip(found, shape).allSatisfy({ $1 == -1 || $0 == $1 }) else {
      throw Failure("\(key) has the shape \(found), the policy needs \(shape) (-1: any)")
    }
    return tensor
  }

  /// The same batch on another device.
  public func to(_ device: Device) throws -> Batch {
    try traced(.copy) {
      var moved = Batch()
      for (key, tensor) in tensors { moved[key] = try tensor.to(device) }
      return moved
    }
  }
}
