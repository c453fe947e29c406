import CounterBasedRandom
import Failures
import RGBImages
import RobotEnvironments

/// One thing that is withheld from a policy in closed loop, to see whether the policy uses it.
///
/// It changes what the policy reads; the scene, its goal and the videos stay as they are. Everything random is a function
/// of (seed, task, episode, query), and the policy's own noise is that of the unablated rollout.
public enum ObservationAblation: Sendable, Hashable {
  /// The instruction for another goal of the scene; the original goal counts.
  case contraryInstruction
  /// The instruction with its letters exchanged.
  case garbledInstruction
  /// Gray images of one camera, named as the environment does, or of all for nil.
  case blankImages(camera: String?)
  /// Normal noise on the state, of so many standard deviations of the training data.
  case noisyState(scale: Double)

  /// The name that protocols and folders have: `contrary_instruction`, `garbled_instruction`, `blank_images`,
  /// `blank_image.CAMERA`, `state_noise` for a scale of 1, else `state_noise.SCALE`.
  public var name: String {
    switch self {
    case .contraryInstruction: "contrary_instruction"
    case .garbledInstruction: "garbled_instruction"
    case .blankImages(nil): "blank_images"
    case .blankImages(let camera?): "blank_image.\(camera)"
    case .noisyState(1): "state_noise"
    case .noisyState(let scale): "state_noise.\(Int(exactly: scale).map(String.init) ?? String(scale))"
    }
  }

  /// Reads a name; nil if it is none.
  public init?(name: String) {
    let parts = name.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let parameter = parts.count > 1 ? parts[1] : nil
    switch (parts[0], parameter) {
    case ("contrary_instruction", nil): self = .contraryInstruction
    case ("garbled_instruction", nil): self = .garbledInstruction
    case ("blank_images", nil): self = .blankImages(camera: nil)
    // The name becomes a folder's.
    case ("blank_image", let camera?) where !camera.isEmpty && !camera.contains("/"):
      self = .blankImages(camera: camera)
    case ("state_noise", nil): self = .noisyState(scale: 1)
    case ("state_noise", let text?):
      guard let scale = Double(text), scale > 0, scale.isFinite else { return nil }
      self = .noisyState(scale: scale)
    default: return nil
    }
  }
}

extension ObservationAblation {
  /// What an episode brings to the ablation of its requests.
  struct Episode {
    /// The numbers of (seed, task, episode).
    let random: CountedRandom
    let contraryInstruction: String?
    /// The standard deviation of each number of the state in the training data.
    let stateDeviation: [Float]
    let historyCamera: String?
  }

  /// What the policy reads at a query in place of `request`.
  ///
  /// - Throws: if there is no contrary instruction, no letters to exchange, or no deviation for each number of the state.
  func applied(to request: PolicyRequest, query: Int, of episode: Episode) throws -> PolicyRequest {
    var (images, state, instruction) = (
      request.observation.images, request.observation.state, request.observation.instruction
    )
    var history = request.history
    switch self {
    case .contraryInstruction:
      guard let contrary = episode.contraryInstruction else {
        throw Failure("the environment has no contrary instruction; choose another `ablation`")
      }
      instruction = contrary
    case .garbledInstruction:
      instruction = try Self.garbled(instruction, episode.random.at("instruction"))
    case .blankImages(let camera):
      for (name, image) in images where camera == nil || camera == name { images[name] = try Self.blank(image) }
      if camera == nil || camera == episode.historyCamera { history = try history.map(Self.blank) }
    case .noisyState(let scale):
      state = try Self.noisy(
        state, deviation: episode.stateDeviation, scale: scale, episode.random.at("state").at(query))
    }
    return PolicyRequest(
      observation: Observation(images: images, state: state, instruction: instruction), history: history,
      random: request.random)
  }

  /// The text with all its characters but spaces in an order drawn at random, spaces where they were; never the text.
  ///
  /// Words in another order would still say what to do to a policy that reads them one by one.
  static func garbled(_ text: String, _ random: CountedRandom) throws -> String {
    var characters = Array(text)
    let places = characters.indices.filter { !characters[$0].isWhitespace }
    let letters = places.map { characters[$0] }
    guard Set(letters).count > 1 else {
      throw Failure("the instruction \"\(text)\" has no letters to exchange; choose another `ablation`")
    }
    var order = random.permutation(of: letters.count).map { letters[$0] }
    // A rotation differs from the text if the letters are in its order by chance.
    while order == letters { order.append(order.removeFirst()) }
    for (place, letter) in zip(places, order) { characters[place] = letter }
    return String(characters)
  }

  /// The level of a blank image's channels: the middle, which policies and encoders map to about 0. Black is what padding
  /// and missing cameras look like, so a policy may take it for these.
  static let blankLevel: UInt8 = 128

  /// An image of the same size without content.
  static func blank(_ image: RGBImage) throws -> RGBImage {
    try RGBImage(
      width: image.width, height: image.height,
      pixels: Array(repeating: blankLevel, count: image.width * image.height * 3))
  }

  /// x + scale · deviation · n with a standard normal n for each number of the state.
  static func noisy(
    _ state: [Float], deviation: [Float], scale: Double, _ random: CountedRandom
  ) throws -> [Float] {
    guard deviation.count == state.count else {
      throw Failure(
        "the checkpoint has a standard deviation for \(deviation.count) numbers of the state, the environment gives "
          + "\(state.count); choose another `ablation`")
    }
    let noise = random.normals(count: state.count)
    return state.indices.map { state[$0] + Float(scale) * deviation[$0] * noise[$0] }
  }
}
