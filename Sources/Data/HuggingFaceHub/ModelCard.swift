import Foundation

/// A model repository's front page: what the hub files it under, and what people read first.
public struct ModelCard: Sendable {
  /// The policy's type, such as `smolvla`.
  public var modelName: String
  public var repository: String
  /// Its license, as the hub calls it.
  public var license = "apache-2.0"
  /// The repository that training started from.
  public var baseModel: String?
  /// The repository of the training data.
  public var dataset: String?
  public var tags: [String] = []
  /// What was trained, in one paragraph.
  public var summary: String
  /// How the model is used, in Markdown.
  public var usage = ""

  public init(modelName: String, repository: String, summary: String) {
    self.modelName = modelName
    self.repository = repository
    self.summary = summary
  }

  /// `README.md`: the hub's fields as YAML, then text.
  public var text: String {
    var fields: [String] = []
    if let baseModel { fields.append("base_model: \(Self.quoted(baseModel))") }
    if let dataset { fields.append("datasets: \(Self.quoted(dataset))") }
    fields += [
      "library_name: lerobot", "license: \(Self.quoted(license))", "model_name: \(Self.quoted(modelName))",
      "pipeline_tag: robotics", "tags:",
    ]
    fields += Set(tags + ["robotics", "lerobot", modelName]).sorted().map { "- \(Self.quoted($0))" }
    return """
      ---
      \(fields.joined(separator: "\n"))
      ---

      # \(repository.split(whereSeparator: \.isNewline).joined(separator: " "))

      \(summary)

      Trained and uploaded with lerobot-wm, which writes LeRobot's checkpoint format. `config.json` holds the policy's
      settings, `train_config.json` those of the training run, and `policy_preprocessor.json` and
      `policy_postprocessor.json` what is done before and after the model, with the statistics it was trained with.

      \(usage)
      """
  }

  /// A YAML scalar that can be nothing but a text.
  private static func quoted(_ text: String) -> String {
    let isPlain =
      text.first?.isLetter == true
      && text.utf8.allSatisfy { byte in
        let character = Character(UnicodeScalar(byte))
        return character.isASCII && (character.isLetter || character.isNumber || "-_./".contains(character))
      }
    let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"]
    guard !isPlain || words.contains(text.lowercased()) else { return text }
    let escaped = text.unicodeScalars.map { scalar in
      switch scalar {
      case "\"": "\\\""
      case "\\": "\\\\"
      case _ where scalar.value < 0x20 || scalar.value == 0x7F: String(format: "\\x%02x", scalar.value)
      default: String(scalar)
      }
    }
    return "\"\(escaped.joined())\""
  }
}
