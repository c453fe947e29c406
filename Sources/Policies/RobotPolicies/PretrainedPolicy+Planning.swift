import CounterBasedRandom
import Failures
import LibTorch
import RGBImages

/// What a policy sees of an environment at one control step.
public struct PolicyObservation: Sendable {
  /// Images by camera, as the environment names it (`image` for `observation.images.image`).
  public var images: [String: RGBImage]
  /// The robot's state, not normalized.
  public var state: [Float]
  public var instruction: String
  /// Images of the camera that the policy's `history` names, oldest first, the current one last; empty if it needs none.
  public var history: [RGBImage]

  public init(images: [String: RGBImage], state: [Float], instruction: String, history: [RGBImage] = []) {
    self.images = images
    self.state = state
    self.instruction = instruction
    self.history = history
  }
}

extension PretrainedPolicy {
  /// Plans actions from observations: the policy's first `actionSteps` actions for each, in the environment's units.
  ///
  /// - Parameters:
  ///   - observations: planned for in one batch; all have the same cameras and image sizes.
  ///   - random: the random numbers of each observation's plan.
  /// - Throws: if the observations differ in cameras or sizes, and what the policy throws.
  public func actionChunks(for observations: [PolicyObservation], random: [CountedRandom]) throws -> [ActionChunk] {
    guard let first = observations.first else { return [] }
    guard
      observations.allSatisfy({
        $0.images.keys == first.images.keys && $0.state.count == first.state.count
          && $0.history.count == first.history.count
      }), random.count == observations.count
    else { throw Failure("the observations of a batch differ in their cameras, or the size of their state or history") }
    if let wanted = policy.interface.inputs[BatchKey.state]?.shape.reduce(1, *), wanted != first.state.count {
      throw Failure("the policy's state has \(wanted) numbers, the observation's has \(first.state.count)")
    }
    var batch = Batch()
    for camera in first.images.keys.sorted() {
      batch[BatchKey.images + camera] = try Tensor.pixels(
        of: observations.compactMap { $0.images[camera] }, camera: camera)
    }
    batch[BatchKey.state] = try Tensor(
      observations.flatMap(\.state), shape: [observations.count, first.state.count])
    if !first.history.isEmpty {
      let frames = try Tensor.pixels(of: observations.flatMap(\.history), camera: "the history")
      batch[BatchKey.history] = try frames.reshaped([observations.count, -1] + frames.shape.dropFirst())
    }
    let prepared = try preprocessor(
      batch, tasks: observations.map(\.instruction), device: policy.parameters.device)
    let chunk = try policy.actionChunk(for: prepared, random: random)
      .slice(dimension: 1, 0..<policy.interface.actionSteps)
    let actions = try postprocessor(actions: chunk)
    let (dimension, numbers) = (actions.size(2), try actions.scalars(Float.self))
    let length = policy.interface.actionSteps * dimension
    return observations.indices.map { row in
      ActionChunk(Array(numbers[row * length..<(row + 1) * length]), dimension: dimension)
    }
  }
}
