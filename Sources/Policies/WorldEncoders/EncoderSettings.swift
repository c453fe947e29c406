import Failures
import ModelFiles

/// Reads an encoder's `config.json`: fields that are left out take the published defaults.
struct EncoderSettings {
  private let json: JSON
  private let place: String

  /// - Throws: what is no object, and another model than `type`.
  init(_ json: JSON, type: String, in place: String) throws {
    (self.json, self.place) = (json, place)
    guard json.object != nil else { throw Failure("\(place): expected a JSON object") }
    if let found = json["model_type"]?.string, found != type {
      throw Failure(
        "\(place): expected model_type \(type), found \(found); fix `world_latents_source` or `world_vision_model_name`"
      )
    }
    if let activation = json["hidden_act"]?.string, activation != "gelu" {
      throw Failure("\(place): hidden_act \(activation) is not supported, only gelu")
    }
  }

  func integer(_ key: String, _ fallback: Int) throws -> Int {
    guard let value = json[key] else { return fallback }
    guard let number = value.integer else {
      throw Failure("\(place): expected \(key) to be a whole number, found \(value.text(.compact))")
    }
    return number
  }

  func number(_ key: String, _ fallback: Double) throws -> Double {
    guard let value = json[key] else { return fallback }
    guard let number = value.double, number.isFinite else {
      throw Failure("\(place): expected \(key) to be a number, found \(value.text(.compact))")
    }
    return number
  }

  func bool(_ key: String, _ fallback: Bool) -> Bool { json[key]?.bool ?? fallback }
}
