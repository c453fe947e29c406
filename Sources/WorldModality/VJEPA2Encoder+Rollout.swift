import Torch

extension VJEPA2Encoder {
  /// The latents of the last T environment steps, each of a clip of m frames, as precomputation would have stored
  /// them.
  ///
  /// - Parameters:
  ///   - pictures: [B, T + m − 1, H, W, 3] uint8, oldest first, the episode's first repeated before its start.
  ///   - contextFrames: T
  ///   - temporalWindow: m
  /// - Returns: [B, T, D] float32.
  public func latentHistory(of pictures: Tensor, contextFrames: Int, temporalWindow: Int) throws -> Tensor {
    let shape = pictures.shape
    let count = contextFrames + temporalWindow - 1
    guard shape.count == 5, shape[1] == count, contextFrames > 0, temporalWindow > 0 else {
      throw WorldModalityError(
        "expected \(count) pictures of the past (\(contextFrames) clips of \(temporalWindow) frames) "
          + "[batch, \(count), height, width, 3], found \(shape)")
    }
    return try withoutGradients {
      let preprocessing = FramePreprocessing(size: configuration.cropSize)
      let flat = try pictures.to(device).reshaped([shape[0] * count] + shape[2...])
      let frames = try preprocessing.frames(fromBytes: flat)
      let side = configuration.cropSize
      let all = try frames.reshaped([shape[0], count, 3, side, side])
      let clips = try (0..<contextFrames).map { try all.slice(1, $0..<$0 + temporalWindow) }
      let stacked = try Tensor.stack(clips, 1).reshaped([shape[0] * contextFrames, temporalWindow, 3, side, side])
      // The cache holds float16; what the Prophet was trained on is what it is shown.
      return try latents(of: stacked).to(.float16).to(.float32).reshaped([shape[0], contextFrames, latentDimension])
    }
  }
}
