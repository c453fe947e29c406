import LibTorch
import NeuralNetworks

/// Everything the actions may look at: images and instruction, then the robot's state.
struct Prefix {
  /// Images and language, [B, C, width].
  let context: Tensor
  /// bool [B, C]
  let contextVisible: Tensor
  /// [B, 1, width]
  let state: Tensor

  /// The same with other embeddings, which `change` makes of all of them at once, [B, C + 1, width].
  func changed(by change: Refinement.Change) throws -> Prefix {
    let count = context.size(1)
    let all = try change(Tensor.concatenation([context, state], dimension: 1))
    return Prefix(
      context: try all.slice(dimension: 1, 0..<count), contextVisible: contextVisible,
      state: try all.slice(dimension: 1, count..<count + 1))
  }

  /// bool [B, C + 1]
  func visible() throws -> Tensor {
    let state = try Tensor.ones([context.size(0), 1], dtype: .bool, device: context.device)
    return try Tensor.concatenation([contextVisible, state], dimension: 1)
  }
}

/// What the action expert reads of a prefix, and how; computed once for all denoising steps.
struct PrefixCache {
  let layers: [KeyValueCache]
  /// What it reads besides, layer by layer, if tokens have joined the prefix behind a gate.
  let gated: [GatedKeyValues]?
  let context: SuffixContext
}

extension SmolVLAModel {
  /// - Parameters:
  ///   - images: the cameras in order.
  ///   - isPlanning: whether the images' features need not be those of the same images in other batches.
  ///   - tokens: int64 [B, L]; `tokenMask`: bool [B, L].
  ///   - state: [B, max_state_dim]
  func embedPrefix(
    images: [PreparedImages], isPlanning: Bool = false, tokens: Tensor, tokenMask: Tensor, state: Tensor
  ) throws -> Prefix {
    let batch = tokens.size(0)
    var parts: [Tensor] = []
    var visible: [Tensor] = []
    func addSpecial(_ ids: [Int]) throws {
      let indices = try specialTokens(SpecialTokens(ids: ids, device: tokens.device)) {
        try Tensor(ids, shape: [1, ids.count], device: tokens.device)
      }
      let embedded = try widened(language.embedding(indices))
      parts.append(try embedded.expanded([batch, ids.count, embedded.size(2)]))
      visible.append(try Tensor.ones([batch, ids.count], dtype: .bool, device: tokens.device))
    }
    for image in images {
      if let imageTokens { try addSpecial(imageTokens.before) }
      let embedded = try features(of: image.content, isPlanning: isPlanning)
      parts.append(try widened(embedded) * Double(embedded.size(2)).squareRoot())
      visible.append(try image.present.unsqueezed(1).expanded([batch, embedded.size(1)]))
      if let imageTokens { try addSpecial(imageTokens.after) }
    }
    let words = try widened(language.embedding(tokens))
    parts.append(try words * Double(words.size(2)).squareRoot())
    visible.append(try tokenMask.to(.bool))
    return Prefix(
      context: try Tensor.concatenation(parts, dimension: 1),
      contextVisible: try Tensor.concatenation(visible, dimension: 1),
      state: try stateProjection(state).unsqueezed(1))
  }

  /// What is held in fewer bytes than the products' type, in that type.
  private func widened(_ embeddings: Tensor) throws -> Tensor {
    productType == .float32 ? try embeddings.to(.float32) : embeddings
  }

  /// Runs the language model over the prefix, and over gated tokens beside it.
  ///
  /// Images and instruction cannot see the state, so they are turned into keys and values first and alone: with a
  /// frozen backbone no gradient is recorded for them, and only the state's token is followed backwards. That is so
  /// unless they depend on something trained: changed embeddings, or gated tokens that they may attend to. A plan records
  /// no gradients and takes all at once.
  func cache(of prefix: Prefix, tokens: GatedTokens? = nil, isPlanning: Bool = false) throws -> PrefixCache {
    let visible = try prefix.visible()
    let positions = try visible.to(.int64).cumsum(dimension: 1) - 1
    var stream = try tokens.map { tokens in
      let context = prefix.context.size(1)
      return try GatedTokenStream(
        tokens, contextVisible: prefix.contextVisible,
        statePosition: positions.slice(dimension: 1, context..<context + 1), through: language)
    }
    let layers = try precision.products(with: language.norm.weight) {
      if configuration.trainExpertOnly, !configuration.usesReferenceOrder, !isPlanning {
        try contextThenState(prefix, visible, positions, &stream)
      } else {
        try contextAndState(prefix, visible, positions, &stream)
      }
    }
    let context = try SuffixContext(visible: visible, length: configuration.chunkSize, expert.headDimension)
    return try precision.products(with: expert.norm.weight) {
      guard let stream else {
        return PrefixCache(layers: try expert.cache(of: layers, repeatedFor: context), gated: nil, context: context)
      }
      return PrefixCache(
        layers: try expert.cache(of: layers),
        gated: try expert.cache(of: stream.layers).map { GatedKeyValues(cache: $0, opening: stream.tokens.opening) },
        context: context)
    }
  }

  private func contextThenState(
    _ prefix: Prefix, _ visible: Tensor, _ positions: Tensor, _ stream: inout GatedTokenStream?
  ) throws -> [KeyValueCache] {
    let (batch, context) = (visible.size(0), prefix.context.size(1))
    let contextMask = try AttentionMask(prefix.contextVisible.reshaped([batch, 1, 1, context]))
    let past = try language.keysValues(
      of: prefix.context, positions: positions.slice(dimension: 1, 0..<context), mask: contextMask
    ) { _, own in
      try stream?.advance(through: language, over: own)
      return stream?.tokens.isVisibleToContext == true ? try stream?.read() : nil
    }
    let stateMask = try AttentionMask(visible.reshaped([batch, 1, 1, context + 1]))
    let state = try language.keysValues(
      of: prefix.state, positions: positions.slice(dimension: 1, context..<context + 1), mask: stateMask, after: past
    ) { layer, _ in try stream?.read(layer) }
    return try zip(past, state).map { try $0.appending($1) }
  }

  private func contextAndState(
    _ prefix: Prefix, _ visible: Tensor, _ positions: Tensor, _ stream: inout GatedTokenStream?
  ) throws -> [KeyValueCache] {
    let length = visible.size(1)
    // Of the prefix's tokens all may read the gated ones, or the state alone.
    let readers =
      stream?.tokens.isVisibleToContext == false
      ? try isState(length, visible.device).to(.float32).reshaped([1, 1, length, 1]) : nil
    return try language.keysValues(
      of: Tensor.concatenation([prefix.context, prefix.state], dimension: 1), positions: positions,
      mask: jointMask(visible),
      maskedSuffixLength: configuration.usesReferenceOrder ? expert.maskedSuffixLengths(configuration.chunkSize) : nil
    ) { _, own in
      try stream?.advance(through: language, over: own.first(length - 1))
      return try stream?.read(by: readers)
    }
  }

  /// The mask of a prefix taken in one piece: all see what is visible, and only the state sees the state.
  private func jointMask(_ visible: Tensor) throws -> AttentionMask {
    let (batch, length) = (visible.size(0), visible.size(1))
    let isState = try isState(length, visible.device)
    // A token may look at another unless that is the state and it is not.
    let allowed = try isState.unsqueezed(1).or(isState.not().unsqueezed(0))
    return try AttentionMask(
      visible.reshaped([batch, 1, 1, length]).and(allowed.reshaped([1, 1, length, length])))
  }

  /// bool [length]: the last token.
  private func isState(_ length: Int, _ device: Device) throws -> Tensor {
    try Tensor.ones([1], dtype: .bool, device: device).padded([length - 1, 0])
  }
}
