import Failures
import HuggingFaceHub
import LibTorch
import ModelFiles
import WorldEncoders

/// A frozen encoder.
final class CoreEncoder: CoreObject {
  private let encoder: any WorldEncoder

  private init(_ encoder: any WorldEncoder) { self.encoder = encoder }

  static func make(_ request: CoreRequest) throws -> CoreAnswer {
    let source = try request.text("source")
    guard let source = LatentsSource(rawValue: source) else {
      throw Failure(
        "there is no kind of encoder \(source), only \(LatentsSource.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    let path = request.json["path"]?.string ?? source.defaultEncoderName
    let folder = try EncoderFolder(ModelLocation.directory(of: path, holding: ModelLocation.weights))
    let encoder = try source.encoder(in: folder, device: .chosen(request.json["device"]?.string))
    return CoreAnswer(json: [
      "object": .integer(CoreEncoder(encoder).retained()), "latent_dimension": .integer(encoder.latentDimension),
    ])
  }

  func encode(_ request: CoreRequest) throws -> CoreAnswer {
    let clips = (request.json["clips"]?.array ?? []).map { $0.array?.compactMap(\.integer) ?? [] }
    let images = try request.tensor("frames")
    return try inTurn {
      try withoutGradients {
        let frames = try encoder.preprocessing.frames(images.to(encoder.device))
        return CoreAnswer(tensors: ["latents": try encoder.latents(of: frames, clips: clips)])
      }
    }
  }
}
