import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import Testing

/// Adapter folders of strangers: each fault is one sentence, and nothing is computed with them.
struct AdapterFolderTests {
  private func refusal(_ golden: AdapterCase) -> String? {
    do { _ = try golden.pretrained() } catch { return message(of: error) }
    return nil
  }

  @Test(arguments: [
    (#"{"peft_type":"IA3"}"#, "peft_type IA3 is not supported"), (#"{"r":0}"#, "expected r to be an integer from 1"),
    (#"{"r":1000000000}"#, "expected r"), (#"{"r":"8"}"#, "expected r"), (#"{"r":4}"#, "not of the rank"),
    (#"{"lora_alpha":-1}"#, "expected lora_alpha"), (#"{"lora_alpha":null}"#, "expected lora_alpha"),
    (#"{"rank_pattern":{"q_proj":-3}}"#, "rank_pattern"), (#"{"alpha_pattern":{"(a+)+$":3}}"#, "alpha_pattern"),
    (#"{"use_dora":true}"#, "use_dora true is not supported"), (#"{"bias":"all"}"#, "it trains biases"),
    (#"{"a_method_of_tomorrow":{"x":1}}"#, "a_method_of_tomorrow"),
    (#"{"init_lora_weights":"pissa"}"#, "changes the base's weights"), (#"{"revision":"abc"}"#, "revision"),
    (#"{"lora_dropout":2}"#, "lora_dropout"), (#"{"lora_dropout":0.1}"#, "lora_dropout"),
    (#"{"modules_to_save":[3]}"#, "modules_to_save"), (#"{"base_model_name_or_path":null}"#, "base_model_name_or_path"),
    (#"{"base_model_name_or_path":"nowhere"}"#, "which was not found"),
    (#"{"target_modules":["q_proj"]}"#, "does not select"), (#"{"exclude_modules":["state_proj"]}"#, "does not select"),
    (#"{"modules_to_save":["action_out_proj"]}"#, "has no weights for action_out_proj"),
    (
      #"{"target_modules":["q_proj","v_proj","state_proj","action_in_proj","action_out_proj","action_time_mlp_in","#
        + #""action_time_mlp_out","k_proj"]}"#, "has no weights for k_proj"
    ),
  ])
  func `a configuration that means something else is refused`(change: String, sentence: String) throws {
    try AdapterCase.within("default") { golden in
      let members = try #require(try JSON(parsing: change).object)
      try golden.changeConfiguration { $0.merge(members) { $1 } }
      let reason = try #require(refusal(golden), "\(change) was accepted")
      #expect(reason.contains(sentence), "\(reason)")
    }
  }

  private static let layer = "base_model.model.model.state_proj"

  @Test(arguments: [
    ("lora_A", "has only one of lora_A and lora_B"), ("rank", "not of the rank"), ("name", "which begin with"),
    ("other", "is neither a low-rank factor"), ("nowhere", "1 unexpected"), ("width", "of another shape"),
    ("integers", "to be a matrix of numbers"), ("nan", "not finite"), ("scalar", "to be a matrix of numbers"),
    ("nothing", "holds no weights"),
  ])
  func `weights that do not fit are refused`(fault: String, sentence: String) throws {
    try AdapterCase.within("default") { golden in
      let file = PolicyWeightsFile.url(in: golden.folder)
      var weights = try Tensor.load(file).mapValues { try $0.clone() }
      let (down, up) = ("\(Self.layer).lora_A.weight", "\(Self.layer).lora_B.weight")
      switch fault {
      case "lora_A": weights[down] = nil
      case "rank": weights[down] = try Tensor.zeros([2, 8])
      case "name": weights["model.state_proj.weight"] = try Tensor.zeros([8, 8])
      case "other": weights["base_model.model.model.state_proj.weight"] = try Tensor.zeros([8, 8])
      case "nowhere":
        weights["base_model.model.model.x.lora_A.weight"] = try Tensor.zeros([3, 2])
        weights["base_model.model.model.x.lora_B.weight"] = try Tensor.zeros([2, 3])
      case "width": weights[up] = try Tensor.zeros([9, 3])
      case "integers": weights[down] = try Tensor.zeros([3, 8], dtype: .int64)
      case "nan": weights[up] = try Tensor.full([8, 3], .nan)
      case "scalar": weights[down] = try Tensor.zeros([])
      default: weights = [:]
      }
      try Tensor.save(weights, to: file, overwrite: true)
      let reason = try #require(refusal(golden), "\(fault) was accepted")
      #expect(reason.contains(sentence) || fault == "nowhere" && reason.contains("unexpected"), "\(reason)")
    }
  }

  @Test func `of several alphas that fit a layer the first counts, as in peft`() throws {
    func actions(_ alphas: String) throws -> [Float] {
      var found: [Float] = []
      try AdapterCase.within("default") { golden in
        try golden.changeConfiguration { $0["alpha_pattern"] = try? JSON(parsing: alphas) }
        found = try golden.actions(golden.pretrained().policy).scalars(Float.self)
      }
      return found
    }
    let one = try actions(#"{"q_proj":1}"#)
    #expect(try actions(#"{"q_proj":1,"self_attn.q_proj":1000}"#) == one)
    #expect(try actions(#"{"self_attn.q_proj":1000,"q_proj":1}"#) != one)
  }

  @Test func `pickled weights are not read`() throws {
    try AdapterCase.within("default") { golden in
      let file = PolicyWeightsFile.url(in: golden.folder)
      try FileManager.default.moveItem(at: file, to: golden.folder.appendingPathComponent("adapter_model.bin"))
      #expect(try #require(refusal(golden)).contains("without adapter_model.safetensors"))
    }
  }

  @Test func `the base beside an adapter is used where its path is another machine's`() throws {
    try AdapterCase.within("default") { golden in
      let file = golden.folder.appendingPathComponent(PolicyWeightsFile.adapterConfiguration)
      let named = try #require(try JSON(contentsOf: file)["base_model_name_or_path"]?.string)
      let place = golden.folder.appendingPathComponent("pretrained_model")
      try golden.changeConfiguration { $0["base_model_name_or_path"] = "/data/elsewhere/pretrained_model" }
      #expect(try #require(refusal(golden)).contains("or to \(place.path)"))
      try FileManager.default.copyItem(at: URL(fileURLWithPath: named), to: place)
      #expect(try golden.deviation(golden.actions(golden.pretrained().policy), "out/actions") < 1e-5)
    }
  }

  @Test func `an adapter of an adapter is refused`() throws {
    try AdapterCase.within("default") { golden in
      let copy = golden.folder.deletingLastPathComponent().appendingPathComponent("copy")
      try FileManager.default.copyItem(at: golden.folder, to: copy)
      try golden.changeConfiguration { $0["base_model_name_or_path"] = .string(copy.path) }
      #expect(try #require(refusal(golden)).contains("which is an adapter itself"))
    }
  }
}
