import CounterBasedRandom
import LibTorch
import OrderedCollections
import RobotPolicies

extension SmolVLAPolicy {
  /// Embeddings and masks of prefix and suffix, and the losses before their mean, as LeRobot's goldens name them.
  public func intermediates(
    of batch: Batch, random: CountedRandom
  ) throws -> OrderedDictionary<String, Tensor> {
    try withoutGradients {
      let prefix = try prefix(of: batch)
      let visible = try prefix.visible()
      // LeRobot fills the prefix up to prefix_length with zeros that nothing attends to; the model leaves them away.
      let filler = max(0, configuration.prefixLength - visible.size(1))
      var numbers: OrderedDictionary<String, Tensor> = [:]
      for (index, image) in try ImagePreparation.images(of: batch, configuration).enumerated() {
        guard case .pixels(let pixels) = image.content else { continue }
        numbers["mid/img\(index)_resized"] = pixels
        let patches = try model.vision([pixels])
        numbers["mid/vision\(index)"] = patches[0]
        numbers["mid/img_emb\(index)"] = try model.connector(patches)[0]
      }
      numbers["mid/prefix_embs"] = try Tensor.concatenation([prefix.context, prefix.state], dimension: 1)
        .padded([0, 0, 0, filler])
      numbers["mid/prefix_pad"] = try visible.to(.int64).padded([0, filler]).to(.bool)
      numbers["mid/prefix_att"] = try Tensor.concatenation(
        [prefix.contextVisible.zerosLike(), Tensor.ones([visible.size(0), 1], dtype: .bool, device: visible.device)],
        dimension: 1
      ).to(.int64).padded([0, filler]).to(.bool)
      if batch[BatchKey.action] != nil, let time = batch[BatchKey.time] {
        let noise = try batch.require(BatchKey.noise)
        let weight = try time.reshaped([-1, 1, 1])
        let noisy = try weight * noise + (1 - weight) * paddedActions(of: batch)
        numbers["mid/suffix_embs"] = try model.embedSuffix(noisy, time: time)
        numbers["mid/suffix_att"] = try Tensor.ones([noisy.size(0), noisy.size(1)], device: noisy.device)
        numbers["out/losses"] = try actionLosses(of: batch)
      }
      return numbers
    }
  }
}
