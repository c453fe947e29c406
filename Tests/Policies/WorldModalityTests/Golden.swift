import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

/// Tensors that the official packages made.
struct Golden {
  let tensors: StateDictionary

  /// `name` below this room's goldens.
  init(_ name: String) throws {
    try self.init(Self.url(name))
  }

  init(_ url: URL) throws { tensors = try Tensor.load(url) }

  static func url(_ name: String) throws -> URL {
    let folder = try #require(Bundle.module.resourceURL).appendingPathComponent("Goldens")
    return folder.appendingPathComponent(name)
  }

  subscript(name: String) -> Tensor {
    get throws { try #require(tensors[name], "the golden has no \(name)") }
  }

  /// The tensors whose names start with `prefix`, without it.
  func below(_ prefix: String) -> StateDictionary {
    var found: StateDictionary = [:]
    for (name, tensor) in tensors where name.hasPrefix(prefix) {
      found[String(name.dropFirst(prefix.count))] = tensor
    }
    return found
  }
}

extension Tensor {
  /// ‖self − other‖ / ‖other‖
  func deviation(from other: Tensor) throws -> Double {
    let (mine, theirs) = try (detached().to(.float64), other.to(.float64))
    return try (mine - theirs).norm().item() / max(theirs.norm().item(), 1e-30)
  }

  /// The largest difference of two elements.
  func distance(to other: Tensor) throws -> Double {
    try (detached().to(.float64) - other.to(.float64)).maxAbs()
  }
}
