import NeuralNetworks
import OrderedCollections

/// Statistics as LeRobot kept them before 0.4: as buffers among the model's weights, such as
/// `normalize_inputs.buffer_observation_state.mean`.
public struct BufferedStatistics {
  /// `FEATURE.mean`, `FEATURE.std`, … as a processor's state file holds them; under the names of single datasets,
  /// such as `so100_buffer_action.mean`, where the checkpoint was trained on several.
  public private(set) var statistics: StateDictionary = [:]

  private static let places = ["normalize_inputs.", "normalize_targets.", "unnormalize_outputs."]

  /// Takes the buffers out of a state dict, and the mark that `torch.compile` leaves in names.
  ///
  /// - Parameter features: the policy's; they tell which underscores of a buffer's name are dots.
  public init(takenFrom weights: inout StateDictionary, features: some Sequence<String>) {
    var names: [String: String] = [:]
    for feature in features { names["buffer_" + feature.replacing(".", with: "_")] = feature }
    var rest: StateDictionary = [:]
    for (name, tensor) in weights {
      if let place = Self.places.first(where: name.hasPrefix), let dot = name.lastIndex(of: ".") {
        let buffer = String(name[..<dot].dropFirst(place.count))
        statistics[(names[buffer] ?? buffer) + name[dot...]] = tensor
      } else {
        rest[name.replacing("._orig_mod", with: "")] = tensor
      }
    }
    weights = rest
  }
}
