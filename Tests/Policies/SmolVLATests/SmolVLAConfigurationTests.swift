import Failures
import Foundation
import LayeredSettings
import ModelFiles
import RobotPolicies
import Testing

@testable import SmolVLA

struct SmolVLAConfigurationTests {
  /// A policy section, as training and evaluation have one.
  struct Command: ConfigurationSection {
    @SettingsGroup("policy") var policy = SmolVLAConfiguration()
  }

  func configuration(_ flags: String...) throws -> SmolVLAConfiguration {
    var configured = Configured<Command>()
    try configured.apply(Arguments(flags.map { "--policy.\($0)" }))
    return try configured.validated().policy
  }

  /// LeRobot's own file for a configuration that changes a few of the defaults.
  func leRobots() throws -> JSON {
    try JSON(contentsOf: GoldenCase.committedFolder.appendingPathComponent("cross/config.json"))
  }

  @Test func `LeRobot's file comes out as it went in`() throws {
    let file = try leRobots()
    var members = try #require(file.object)
    members["type"] = nil
    var configured = Configured<SmolVLAConfiguration>()
    try configured.apply(.object(members), from: "config.json")
    let written = try #require(try configured.validated().checkpointJSON.object)
    #expect(Set(written.keys) == Set(try #require(file.object).keys))
    #expect(written.keys.first == "type")
    for (name, value) in try #require(file.object) {
      // Python writes a whole clip norm as 10, which is the number 10.0.
      if let number = value.double {
        #expect(written[name]?.double == number, "\(name)")
      } else {
        #expect(written[name] == value, "\(name)")
      }
    }
  }

  @Test func `defaults are LeRobot's, but nothing is uploaded`() throws {
    let defaults = SmolVLAConfiguration().json
    let changed: Set = [
      "type", "input_features", "output_features", "device", "chunk_size", "n_action_steps", "max_state_dim",
      "max_action_dim", "resize_imgs_with_padding", "num_vlm_layers", "expert_width_multiplier", "vlm_model_name",
    ]
    for (name, value) in try #require(leRobots().object) where !changed.contains(name) {
      if let number = value.double {
        #expect(defaults[name]?.double == number, "\(name)")
      } else {
        #expect(defaults[name] == value, "\(name)")
      }
    }
    #expect(defaults["chunk_size"] == 50 && defaults["n_action_steps"] == 50)
    #expect(defaults["max_state_dim"] == 32 && defaults["max_action_dim"] == 32)
    #expect(defaults["resize_imgs_with_padding"] == [512, 512])
    #expect(defaults["num_vlm_layers"] == 16 && defaults["expert_width_multiplier"] == 0.75)
    #expect(defaults["push_to_hub"] == false && defaults["device"] == .null)
    #expect(defaults["action_loss"] == "valid" && defaults["normalization"] == "dataset")
  }

  @Test func `flags have LeRobot's names`() throws {
    let settings = try configuration(
      "chunk_size=8", "n_action_steps=4", "resize_imgs_with_padding=[64,64]", "attention_mode=self_attn",
      "action_loss=padded", "normalization=checkpoint", "optimizer_betas=[0.8,0.9]", "train_expert_only=false")
    #expect(settings.chunkSize == 8 && settings.actionSteps == 4 && settings.imageSize == [64, 64])
    #expect(settings.attentionMode == .joint && !settings.trainExpertOnly)
    #expect(settings.actionLoss == .padded && settings.normalization == .checkpoint)
    #expect(settings.optimizer.betas == [0.8, 0.9])
    #expect(try configuration("resize_imgs_with_padding=null").imageSize == nil)
  }

  @Test(arguments: [
    ("adapt_to_pi_aloha=true", "adapt_to_pi_aloha"),
    ("use_delta_joint_actions_aloha=true", "use_delta_joint_actions_aloha"),
    ("push_to_hub=true", "repo_id"), ("n_obs_steps=2", "n_obs_steps"),
    ("rtc_config={\"enabled\": true}", "rtc_config"), ("chunk_size=0", "chunk_size"),
    ("n_action_steps=51", "n_action_steps"), ("num_steps=-1", "num_steps"), ("attention_mode=x", "attention_mode"),
    ("pad_language_to=never", "pad_language_to"), ("resize_imgs_with_padding=[64]", "resize_imgs_with_padding"),
    ("expert_width_multiplier=nan", "expert_width_multiplier"), ("min_period=0", "min_period"),
    ("empty_cameras=-1", "empty_cameras"), ("optimizer_betas=[1,1]", "optimizer_betas"),
    ("optimizer_lr=-1", "optimizer_lr"), ("scheduler_decay_steps=0", "scheduler_decay_steps"),
    ("action_loss=mean", "action_loss"),
    ("chunksize=3", "chunk_size"),
  ])
  func `what cannot be is refused by name`(_ flag: String, _ name: String) throws {
    let error = try #require(throws: ConfigurationError.self) { try configuration(flag) }
    #expect(message(of: error).contains("--policy.\(name)"))
  }

  @Test func `a backbone whose heads leave nothing of its width is refused`() throws {
    let text: JSON = ["hidden_size": 32, "num_attention_heads": 64]
    let error = #expect(throws: Failure.self) {
      try BackboneConfiguration(["text_config": text, "vision_config": [:]], in: "config.json")
    }
    #expect(
      error?.description.contains("an even head_dim of 2 or more, found 0") == true, "\(error?.description ?? "")")
  }
}
