import LayeredSettings
import LeRobotDatasets
import ModelFiles
import OrderedCollections

/// `--dataset.image_transforms.…`: LeRobot's `ImageTransformsConfig`, with its defaults.
struct ImageTransformsSettings: ConfigurationSection {
  @Setting("enable", help: "change training images at random, each by some of tfs") var isEnabled = false
  @Setting("max_num_transforms", in: 0...1024, help: "how many are applied to an image, at most all") var most = 3
  @Setting("random_order", help: "apply them in random order instead of that of tfs") var hasRandomOrder = false
  @Setting("tfs", help: "name: weight, type (ColorJitter, SharpnessJitter, RandomAffine), kwargs") var transforms:
    OrderedDictionary<String, ImageTransformSettings> = [
      "brightness": .init(type: "ColorJitter", arguments: ["brightness": [0.8, 1.2]]),
      "contrast": .init(type: "ColorJitter", arguments: ["contrast": [0.8, 1.2]]),
      "saturation": .init(type: "ColorJitter", arguments: ["saturation": [0.5, 1.5]]),
      "hue": .init(type: "ColorJitter", arguments: ["hue": [-0.05, 0.05]]),
      "sharpness": .init(type: "SharpnessJitter", arguments: ["sharpness": [0.5, 1.5]]),
      "affine": .init(type: "RandomAffine", arguments: ["degrees": [-5.0, 5.0], "translate": [0.05, 0.05]]),
    ]

  func validate() throws(ConfigurationError) {
    // Of a configuration that is not used, other types may stay as they are.
    if isEnabled { _ = try checked() }
  }

  /// The changes to make, with random numbers of a seed; nil where they are not enabled.
  func enabled(seed: Int) throws(ConfigurationError) -> ImageTransforms? {
    guard isEnabled else { return nil }
    return ImageTransforms(try checked(), most: most, hasRandomOrder: hasRandomOrder, seed: seed)
  }

  private func checked() throws(ConfigurationError) -> [(weight: Double, transform: ImageTransform)] {
    var list: [(weight: Double, transform: ImageTransform)] = []
    for (name, settings) in transforms {
      do {
        list.append((settings.weight, try ImageTransform(type: settings.type, arguments: settings.arguments)))
      } catch {
        throw ConfigurationError("tfs", "\(name): \(error)")
      }
    }
    return list
  }
}

/// LeRobot's `ImageTransformConfig`.
struct ImageTransformSettings: ConfigurationValue {
  /// How often it is drawn, next to the others'.
  var weight = 1.0
  var type: String
  var arguments: OrderedDictionary<String, JSON>

  init(type: String, arguments: OrderedDictionary<String, JSON>) {
    self.type = type
    self.arguments = arguments
  }

  static var typeDescription: String { "an object with weight, type and kwargs" }

  init(json: JSON) throws(ConfigurationValueError) {
    let wrong = ConfigurationValueError(expected: Self.typeDescription, found: json.text(.line))
    guard let members = json.object, members.keys.allSatisfy(["weight", "type", "kwargs"].contains) else { throw wrong }
    guard let weight = (members["weight"] ?? .number(1)).double, weight.isFinite,
      let type = (members["type"] ?? "Identity").string, let arguments = (members["kwargs"] ?? [:]).object
    else { throw wrong }
    self.weight = weight
    self.type = type
    self.arguments = arguments
  }

  var json: JSON { ["weight": .number(weight), "type": .string(type), "kwargs": .object(arguments)] }
}
