import Configuration
import ModelFiles
import OrderedCollections
import Policies

extension SmolVLAConfiguration: ConfigurationSection {
  public static var fields: [Field<Self>] { publishedFields + ownFields }

  /// LeRobot 0.4.4's, in the order of its config.json.
  private static var publishedFields: [Field<Self>] {
    [.init("n_obs_steps", \.observationSteps, help: "observations per query; SmolVLA reads one")]
      + sharedFields + inputFields + trainingFields + modelFields
  }

  private static var ownFields: [Field<Self>] {
    [
      .init("action_loss", \.actionLoss, help: "mean over valid entries, or over padded ones too (LeRobot 0.4.4)"),
      .init("normalization", \.normalization, help: "whose statistics a new run takes"),
    ]
  }

  private static var sharedFields: [Field<Self>] {
    [
      .init("input_features", \.optionalInputFeatures, help: "what is observed; null: the dataset's"),
      .init("output_features", \.optionalOutputFeatures, help: "what is done; null: the dataset's"),
      .init("device", \.device, help: "cpu, cuda or cuda:N"),
      .init("use_amp", \.usesMixedPrecision, help: "LeRobot's mixed precision; not acted upon"),
      .init("use_peft", \.usesPEFT, help: "adapters; not supported"),
      .init("push_to_hub", \.pushToHub, help: "upload the result; nothing is uploaded here"),
      .init("repo_id", \.repositoryID, help: "where LeRobot uploads to; carried along"),
      .init("private", \.isPrivate, help: "whether LeRobot uploads privately; carried along"),
      .init("tags", \.tags, help: "of LeRobot's upload; carried along"),
      .init("license", \.license, help: "of LeRobot's upload; carried along"),
      .init("pretrained_path", \.pretrainedPath, help: "the checkpoint that training began with"),
    ]
  }

  private static var inputFields: [Field<Self>] {
    [
      .init("chunk_size", \.chunkSize, help: "actions per plan"),
      .init("n_action_steps", \.actionSteps, help: "actions executed before the next plan"),
      .init("normalization_mapping", \.normalizationMapping, help: "how each type of feature is normalised"),
      .init("max_state_dim", \.maxStateDimension, help: "states are padded to it"),
      .init("max_action_dim", \.maxActionDimension, help: "actions are padded to it"),
      .init("resize_imgs_with_padding", \.imageSize, help: "width and height that images are fitted into, or null"),
      .init("empty_cameras", \.emptyCameras, help: "cameras that are always absent"),
      .init("adapt_to_pi_aloha", \.adaptsToPiAloha, help: "Aloha's joint conventions; not supported"),
      .init("use_delta_joint_actions_aloha", \.usesDeltaJointActionsAloha, help: "not supported"),
      .init("tokenizer_max_length", \.tokenizerMaxLength, help: "tokens of an instruction at most"),
    ]
  }

  private static var trainingFields: [Field<Self>] {
    [
      .init("num_steps", \.denoisingSteps, help: "steps from noise to actions"),
      .init("use_cache", \.usesCache, help: "LeRobot's switch; the prefix is always computed once"),
      .init("freeze_vision_encoder", \.freezeVisionEncoder, help: "leave the vision tower as it is"),
      .init("train_expert_only", \.trainExpertOnly, help: "leave the whole backbone as it is"),
      .init("train_state_proj", \.trainStateProjection, help: "train the projection of the state"),
      .init("optimizer_lr", \.optimizerLearningRate, help: "learning rate after the warm-up"),
      .init("optimizer_betas", \.optimizerBetas, help: "decay of AdamW's two moments"),
      .init("optimizer_eps", \.optimizerEpsilon, help: "AdamW's epsilon"),
      .init("optimizer_weight_decay", \.optimizerWeightDecay, help: "AdamW's weight decay"),
      .init("optimizer_grad_clip_norm", \.optimizerGradientClipNorm, help: "largest norm of the gradients"),
      .init("scheduler_warmup_steps", \.schedulerWarmupSteps, help: "steps until the full learning rate"),
      .init("scheduler_decay_steps", \.schedulerDecaySteps, help: "steps until the last learning rate"),
      .init("scheduler_decay_lr", \.schedulerDecayLearningRate, help: "the last learning rate"),
    ]
  }

  private static var modelFields: [Field<Self>] {
    [
      .init("vlm_model_name", \.vlmModelName, help: "the backbone: a hub name, or a folder with config and tokenizer"),
      .init("load_vlm_weights", \.loadsVLMWeights, help: "begin with the backbone's weights"),
      .init("add_image_special_tokens", \.addImageSpecialTokens, help: "enclose images in the backbone's tokens"),
      .init("attention_mode", \.attentionMode, help: "cross_attn or self_attn"),
      .init("prefix_length", \.prefixLength, help: "LeRobot pads shorter prefixes to it; changes no result"),
      .init("pad_language_to", \.padLanguageTo, help: "longest or max_length"),
      .init("num_expert_layers", \.expertLayers, help: "at most 0: as many as the language model's"),
      .init("num_vlm_layers", \.vlmLayers, help: "layers of the language model that are kept; at most 0: all"),
      .init("self_attn_every_n_layers", \.selfAttentionEveryLayers, help: "period of the self-attention layers"),
      .init("expert_width_multiplier", \.expertWidthMultiplier, help: "the expert's width over the language model's"),
      .init("min_period", \.minPeriod, help: "shortest period of the time embedding"),
      .init("max_period", \.maxPeriod, help: "longest period of the time embedding"),
      .init("rtc_config", \.realTimeChunking, help: "real-time chunking; not supported"),
      .init("compile_model", \.compilesModel, help: "torch.compile; not acted upon"),
      .init("compile_mode", \.compileMode, help: "of torch.compile; carried along"),
    ]
  }

  private var optionalInputFeatures: PolicyFeatures? {
    get { inputFeatures }
    set { inputFeatures = newValue ?? [:] }
  }

  private var optionalOutputFeatures: PolicyFeatures? {
    get { outputFeatures }
    set { outputFeatures = newValue ?? [:] }
  }

  /// The settings as LeRobot's config.json holds them: `type` first, and without ours, which LeRobot would refuse.
  ///
  /// Ours belong into train_config.json alone.
  public var checkpointJSON: JSON {
    var members: OrderedDictionary<String, JSON> = ["type": "smolvla"]
    members.merge(json.object ?? [:]) { $1 }
    for name in ["action_loss", "normalization"] { members.removeValue(forKey: name) }
    return .object(members)
  }
}
