import Failures
import LibTorch
import NeuralNetworks
import Tracing

/// A frozen network that turns clips of frames into latents, of any kind: precomputation, rollouts and the cache's identity
/// know no more of it than this.
public protocol WorldEncoder {
  var source: LatentsSource { get }
  /// What a camera's image goes through first.
  var preprocessing: FramePreprocessing { get }
  var latentDimension: Int { get }
  /// The weights, under the published names.
  var parameters: ParameterStore { get }

  /// The latents of clips that share frames; what one frame costs is paid once where the encoder allows it.
  ///
  /// - Parameters:
  ///   - frames: [F, 3, size, size] preprocessed, of any type and device.
  ///   - clips: each clip's frames by their place in `frames`, oldest first; all of one length.
  /// - Returns: [clips, D] float32, on the encoder's device.
  func latents(of frames: Tensor, clips: [[Int]]) throws -> Tensor
}

extension WorldEncoder {
  /// The type that the encoder computes in.
  public var dtype: DType { parameters.dtype }

  /// Where the encoder's weights lie.
  public var device: Device { parameters.device }

  /// The latents of the last T environment steps, each of a clip of m frames, as precomputation would have stored
  /// them.
  ///
  /// - Parameters:
  ///   - images: [B, T + m − 1, H, W, 3] uint8, oldest first, the episode's first repeated before its start.
  ///   - contextFrames: T
  ///   - temporalWindow: m
  /// - Returns: [B, T, D] float32.
  public func latentHistory(of images: Tensor, contextFrames: Int, temporalWindow: Int) throws -> Tensor {
    let shape = images.shape
    let count = contextFrames + temporalWindow - 1
    guard shape.count == 5, shape[1] == count, contextFrames > 0, temporalWindow > 0 else {
      throw Failure(
        "expected \(count) images of the past (\(contextFrames) clips of \(temporalWindow) frames) "
          + "[batch, \(count), height, width, 3], found \(shape)")
    }
    return try withoutGradients {
      let frames = try preprocessing.frames(images.to(device).reshaped([shape[0] * count] + shape[2...]))
      let clips = (0..<shape[0]).flatMap { row in
        (0..<contextFrames).map { step in Array(row * count + step..<row * count + step + temporalWindow) }
      }
      // The cache holds float16; what the Prophet was trained on is what it is shown.
      return try traced(.encoder) { try latents(of: frames, clips: clips).to(.float16).to(.float32) }
        .reshaped([shape[0], contextFrames, latentDimension])
    }
  }

  /// Refuses clips that are not of one length or name frames that are not there, and gives their length.
  func checked(_ clips: [[Int]], of frames: Tensor) throws -> Int {
    let (shape, size) = (frames.shape, preprocessing.size)
    guard shape.count == 4, shape[1...] == [3, size, size] else {
      throw Failure("the encoder takes frames [frames, 3, \(size), \(size)], found \(shape)")
    }
    guard let length = clips.first?.count, length > 0, clips.allSatisfy({ $0.count == length }) else {
      throw Failure("expected clips of one length, found \(Set(clips.map(\.count)).sorted())")
    }
    if let wrong = clips.joined().first(where: { !(0..<shape[0]).contains($0) }) {
      throw Failure("a clip names frame \(wrong) of \(shape[0])")
    }
    return length
  }
}

extension LatentsSource {
  /// The repository that `world_vision_model_name` stands for where it is not given.
  public var defaultEncoderName: String {
    switch self {
    case .vjepa: "facebook/vjepa2-vitl-fpc64-256"
    case .dino: "facebook/dinov2-base"
    }
  }

  /// Loads an encoder of this kind from a folder as transformers saves it.
  ///
  /// - Throws: a missing or damaged file, a model of another kind, and weights that are missing or of another shape.
  public func encoder(
    in folder: EncoderFolder, dtype: DType = .float32, device: Device = .cpu
  ) throws -> any WorldEncoder {
    switch self {
    case .vjepa: try VJEPA2Encoder(folder, dtype: dtype, device: device)
    case .dino: try DINOv2Encoder(folder, dtype: dtype, device: device)
    }
  }
}
