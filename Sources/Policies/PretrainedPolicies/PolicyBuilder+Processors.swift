import Foundation
import HuggingFaceHub
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import SmolVLA

extension PolicyBuilder {
  /// The processors that a checkpoint was saved with; those of a checkpoint of LeRobot before 0.4, which has none, are
  /// made again and take the statistics that lie among its weights.
  mutating func processors(of source: StartingPoint, _ backbone: URL) throws -> (Processor, Processor) {
    guard !source.has("policy_preprocessor"), !source.has("policy_postprocessor") else {
      // Another backbone that was asked for brings its tokenizer.
      let isOwn = try settings.isOwnName(of: source.folder)
      var usesBackbone = false
      let find = { (name: String) throws -> URL in
        let place =
          isOwn ? try? ModelLocation.directory(of: name, besides: source.folder, holding: ["tokenizer.json"]) : nil
        if let place { return place }
        usesBackbone = true
        return backbone
      }
      let before = try Processor(named: "policy_preprocessor", in: source.folder, findTokenizer: find)
      let after = try Processor(named: "policy_postprocessor", in: source.folder, findTokenizer: find)
      return (usesBackbone ? before.namingTokenizer(settings.smolvla.backboneName) : before, after)
    }
    notices.append(
      "\(source.folder.path) has no policy_preprocessor.json, as LeRobot saved it before 0.4; its processors are made "
        + "from its config.json")
    let (before, after) = try fresh(backbone)
    let statistics = source.buffered.statistics
    return (try adopting(before, statistics), try adopting(after, statistics))
  }

  /// Gives the state the size of the statistics that it was trained with: LeRobot leaves the size of a base policy in the
  /// `config.json` of those that were trained from it.
  mutating func adoptStateSize(of preprocessor: inout Processor, in folder: URL) {
    guard let shape = preprocessor.stateShape, shape.count == 1,
      let said = settings.smolvla.inputFeatures[BatchKey.state]?.shape, said != shape
    else { return }
    settings.smolvla.inputFeatures[BatchKey.state]?.shape = shape
    preprocessor = preprocessor.givingState(shape)
    notices.append(
      "\(folder.path)/config.json says that the state has the shape \(said), the statistics that it was trained with have "
        + "\(shape), which counts")
  }

  /// A pipeline with the settings' features and modes, and statistics: the given ones, or its own.
  func adopting(_ processor: Processor, _ statistics: StateDictionary?) throws -> Processor {
    let smolvla = settings.smolvla
    return processor.adopting(
      statistics: statistics, inputs: smolvla.inputFeatures, outputs: smolvla.outputFeatures,
      modes: try smolvla.normalizationModes())
  }

  /// The steps that LeRobot gives a new SmolVLA; statistics come later.
  func fresh(_ backbone: URL) throws -> (Processor, Processor) {
    let smolvla = settings.smolvla
    let unfilled = Normalization(features: [:], modes: try smolvla.normalizationModes(), statistics: [:])
    let place: JSON = ["device": .string(device == .cpu ? "cpu" : "cuda"), "float_dtype": nil]
    let tokenize = TokenizerStep(
      maxLength: smolvla.tokenizerMaxLength, padding: smolvla.padLanguageTo.rawValue,
      tokenizerName: smolvla.backboneName,
      tokenizer: try Tokenizer(directory: backbone))
    return (
      Processor(
        name: "policy_preprocessor",
        steps: [
          RenameStep([:]), ToBatchStep(), NewLineStep(), tokenize, DeviceStep(place), NormalizerStep(unfilled),
        ]),
      Processor(
        name: "policy_postprocessor",
        steps: [UnnormalizerStep(unfilled), DeviceStep(["device": "cpu", "float_dtype": nil])])
    )
  }
}
