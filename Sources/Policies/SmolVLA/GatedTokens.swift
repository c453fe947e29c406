import LibTorch
import NeuralNetworks

/// Tokens that join the prefix behind a gate, and are exactly absent where it is closed.
///
/// Tokens of zeros are no closed gate: they still take their share of the softmax. So every attention that may read the
/// tokens gives `without + opening · (with − without)`, where `with` is attention over all keys and `without` over those
/// of SmolVLA alone. At 0 that is SmolVLA bit for bit and its gradient by the opening is `with − without`; at 1 it is
/// ordinary insertion. As softmax over two sets of keys is a mean of the softmaxes over each,
///
///     with − without = share · (gated − without),   share = Z_gated / (Z_gated + Z_without),
///
/// only the few gated keys are computed besides. Multiplying the keys' weights by the gate instead, as a bias of its
/// logarithm, gives NaN gradients at 0 and no answer for a negative gate; mixing the two final results needs every layer
/// twice.
///
/// The masks are LeRobot's for tokens between language and state: they see images, language and each other; the state
/// and the actions see them; images and language do only if asked for. SmolVLA's own positions stay as they are: the
/// tokens stand after the state, at the positions of the first actions.
public struct GatedTokens {
  /// [B, N, language width]
  public let embeddings: Tensor
  /// How far the gate stands open: a scalar, or [B, 1, 1, 1] for each row.
  let opening: Tensor
  /// Whether images and language may attend to them.
  let isVisibleToContext: Bool

  public init(embeddings: Tensor, opening: Tensor, isVisibleToContext: Bool) {
    (self.embeddings, self.opening, self.isVisibleToContext) = (embeddings, opening, isVisibleToContext)
  }
}

/// Keys and values that are read as far as a gate stands open; see ``GatedTokens``.
struct GatedKeyValues {
  let cache: KeyValueCache
  /// A scalar, or a shape that goes with [B, heads, queries, D].
  let opening: Tensor
}

/// Gated tokens on their way through the language model, beside the images and language that they attend to.
struct GatedTokenStream {
  let tokens: GatedTokens
  /// Their keys and values, layer by layer as far as they came.
  private(set) var layers: [KeyValueCache] = []
  private var hidden: Tensor
  private let rotary: RotaryPositions
  private let mask: AttentionMask

  /// - Parameters:
  ///   - contextVisible: which tokens of images and language count, bool [B, C].
  ///   - statePosition: [B, 1]
  init(
    _ tokens: GatedTokens, contextVisible: Tensor, statePosition: Tensor, through language: LanguageModel
  ) throws {
    self.tokens = tokens
    hidden = try tokens.embeddings.to(language.norm.weight.dtype)
    let (batch, count) = (hidden.size(0), hidden.size(1))
    let own = try Tensor.ones([batch, count], dtype: .bool, device: hidden.device)
    let visible = try Tensor.concatenation([contextVisible, own], dimension: 1)
    mask = try AttentionMask(visible.reshaped([batch, 1, 1, visible.size(1)]))
    let offsets = try Tensor.arange(count, device: hidden.device).unsqueezed(0) + 1
    rotary = try RotaryPositions(statePosition + offsets, headDimension: language.headDimension)
  }

  /// Takes the tokens through the next layer, where the keys and values of images and language are `context`.
  mutating func advance(through language: LanguageModel, over context: KeyValueCache) throws {
    let layer = language.layers[layers.count]
    let (queries, own) = try layer.queriesKeysValues(hidden, rotary)
    layers.append(own)
    // As for the prefix, nothing reads what the last layer's attention would give.
    guard layers.count < language.layers.count else { return }
    let attended = try layer.attend(queries, context.appending(own), mask: mask)
    hidden = try layer.residualAndMLP(hidden, attended)
  }

  /// What is read of them in a layer, the last one that they came through if none is given.
  ///
  /// - Parameter readers: 1 for the queries that may read them, 0 for others, [1, 1, Q, 1]; nil where all may.
  func read(_ layer: Int? = nil, by readers: Tensor? = nil) throws -> GatedKeyValues {
    let opening = try readers.map { try tokens.opening * $0 } ?? tokens.opening
    return GatedKeyValues(cache: layers[layer ?? layers.count - 1], opening: opening)
  }
}
