import Crypto
import Foundation
import LiberoSimulation
import MuJoCoPhysics

/// A compiled scene as it is after the official stack's `seed(seed)` and one reset: a sum for each field, and names.
struct Fields: Encodable {
  /// The first 16 digits of the SHA-256 of every field's bytes.
  let fields: [String: String]
  /// Names in the model's order.
  let names: [String: [String]]
  /// How many initial states there are, how long each is, and how long the model needs them.
  let initialStates: [Int]

  init(of world: LiberoWorld, seed: UInt32) throws {
    let model = world.model
    let simulation = try world.scene.simulation(of: model, seed: seed)
    fields = Dictionary(uniqueKeysWithValues: simulation.modelFields.map { ($0.name, Self.sum($0.bytes)) })
    let elements: [PhysicsModel.Element] = [.body, .joint, .geom, .site, .camera, .actuator]
    names = Dictionary(uniqueKeysWithValues: elements.map { ($0.rawValue, model.names(of: $0)) })
    initialStates = [
      world.initialStates.count, world.initialStates.width, 1 + model.positionCount + model.velocityCount,
    ]
  }

  private static func sum(_ bytes: [UInt8]) -> String {
    String(SHA256.hash(data: bytes).map { String(format: "%02x", $0) }.joined().prefix(16))
  }
}
