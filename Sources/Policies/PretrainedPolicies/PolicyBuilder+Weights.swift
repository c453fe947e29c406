import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies
import SmolVLA
import WorldModality

/// A checkpoint's folder with its weights, and the statistics that older ones keep among them.
struct StartingPoint {
  let folder: URL
  /// The policy's weights; of an adapter, those of the policy that it adapts and its own.
  let weights: StateDictionary
  let buffered: BufferedStatistics
  /// What the adapter is, if the folder holds one.
  let adapter: AdapterConfiguration?

  init(_ folder: URL, _ settings: SmolVLAConfiguration) throws {
    self.folder = folder
    let adapter = try AdapterWeights(in: folder)
    let whole = (adapter?.base ?? folder).appendingPathComponent(PolicyWeightsFile.whole)
    var weights = try Tensor.load(whole)
    let features = Array(settings.inputFeatures.keys) + Array(settings.outputFeatures.keys)
    buffered = BufferedStatistics(takenFrom: &weights, features: features)
    self.weights = weights.merging(adapter?.weights ?? [:]) { $1 }
    self.adapter = adapter?.configuration
  }

  /// The file whose weights have to fit the model.
  var file: URL { PolicyWeightsFile.url(in: folder) }

  /// Whether it has a processor's file.
  func has(_ processor: String) -> Bool {
    FileManager.default.fileExists(atPath: folder.appendingPathComponent("\(processor).json").path)
  }
}

extension PolicyBuilder {
  private static let vlm = "model.vlm_with_expert.vlm."

  /// The published backbone's weights under the policy's names, where `load_vlm_weights` asks for them; its unused
  /// layers are left out.
  func backboneWeights(_ directory: URL) throws -> StateDictionary {
    guard settings.smolvla.compatibility.loadsVLMWeights else { return [:] }
    let file = directory.appendingPathComponent("model.safetensors")
    guard FileManager.default.fileExists(atPath: file.path) else {
      throw Failure(
        "`load_vlm_weights=true` needs \(file.path), which is not there; bring the whole repository "
          + "\(settings.smolvla.backboneName), or leave it at false to train the backbone from scratch")
    }
    let kept = settings.smolvla.vlmLayers
    var weights: StateDictionary = [:]
    for (name, tensor) in try Tensor.load(file) {
      let parts = name.split(separator: ".")
      if kept > 0, parts.count > 3, parts[1] == "text_model", let layer = Int(parts[3]), layer >= kept { continue }
      weights[Self.vlm + name] = tensor
    }
    return weights
  }

  /// Refuses published weights that are not those of this backbone. (`lm_head` is never used and may be absent.)
  func checkBackbone(_ store: ParameterStore, _ directory: URL) throws {
    guard settings.smolvla.compatibility.loadsVLMWeights else { return }
    let missing = store.missing.filter { $0.hasPrefix(Self.vlm) && !$0.contains(".lm_head.") }
    try Self.refuse(missing, store.unexpected, store.misshapen, in: file(of: directory))
  }

  private func file(of directory: URL) -> URL { directory.appendingPathComponent(PolicyWeightsFile.whole) }

  /// Refuses a checkpoint whose keys are not the model's.
  ///
  /// - Parameter allowsNewParts: whether the world modality's parts may be absent: they are new in this run.
  mutating func check(_ store: ParameterStore, _ source: StartingPoint, allowsNewParts: Bool) throws {
    // Of an adapter that is new, nothing can be missing.
    let isNew = { (name: String) in
      allowsNewParts && WorldModel.owns(name) || source.adapter == nil && LowRankAdaptation.isFactor(name)
    }
    let missing = store.missing.filter { !isNew($0) }
    do { try Self.refuse(missing, store.unexpected, store.misshapen, in: source.file) } catch {
      guard allowsNewParts, settings.world?.isInitialPolicyStrict == false else { throw error }
      notices.append(message(of: error))
    }
  }

  static func refuse(
    _ missing: [String], _ unexpected: [String], _ misshapen: [String], in file: URL? = nil
  ) throws {
    func list(_ what: String, _ names: [String]) -> String? {
      guard !names.isEmpty else { return nil }
      let rest = names.count > 10 ? " and \(names.count - 10) more" : ""
      return "\(names.count) \(what): \(names.prefix(10).joined(separator: ", "))\(rest)"
    }
    let problems = [
      list("missing", missing), list("unexpected", unexpected), list("of another shape or type", misshapen),
    ].compactMap { $0 }
    guard !problems.isEmpty else { return }
    let what = file.map { "\($0.path) does not fit the model that its config.json describes" }
    throw Failure(
      (what ?? "the given parameters do not fit the policy's settings") + "; " + problems.joined(separator: "; "))
  }
}
