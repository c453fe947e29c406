import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks

extension DINOv2Encoder {
  /// Loads an encoder as transformers saves `Dinov2Model`, or a model that contains one; other parts are ignored.
  ///
  /// Images are prepared as the folder's `preprocessor_config.json` says, or as the published one does.
  /// - Throws: a missing or damaged file, another model, weights that are missing or of another shape, and a preparation
  ///   other than `BitImageProcessor`'s.
  public init(_ folder: EncoderFolder, dtype: DType = .float32, device: Device = .cpu) throws {
    let configuration = try DINOv2Configuration(folder.settings(), in: folder.settingsURL.path)
    let store = try folder.parameters(
      prefix: "dinov2.", ignoring: ["classifier.", "embeddings.mask_token"], dtype: dtype, device: device)
    try self.init(configuration, preprocessing: Self.preprocessing(in: folder.url), parameters: store)
    try folder.check(store)
  }

  /// Saves the encoder as a folder that transformers' `Dinov2Model.from_pretrained` loads.
  public func save(to directory: URL, overwrite: Bool = false) throws {
    let preprocessor: JSON = [
      "image_processor_type": "BitImageProcessor", "do_resize": true, "do_center_crop": true, "do_rescale": true,
      "do_normalize": true, "do_convert_rgb": true, "resample": 3, "rescale_factor": .number(1 / 255.0),
      "size": ["shortest_edge": .integer(shortestEdge)],
      "crop_size": ["height": .integer(preprocessing.size), "width": .integer(preprocessing.size)],
      "image_mean": preprocessing.json["mean"] ?? .null, "image_std": preprocessing.json["std"] ?? .null,
    ]
    let files: [(String, JSON)] = [("config.json", configuration.json), ("preprocessor_config.json", preprocessor)]
    try EncoderFolder.save(
      parameters, .init(uniqueKeysWithValues: files), to: directory, overwrite: overwrite)
  }

  private var shortestEdge: Int {
    if case .cropped(let edge) = preprocessing.fit { edge } else { preprocessing.size }
  }

  private static func preprocessing(in directory: URL) throws -> FramePreprocessing {
    let url = directory.appendingPathComponent("preprocessor_config.json")
    guard FileManager.default.fileExists(atPath: url.path) else {
      return FramePreprocessing(size: 224, fit: .cropped(shortestEdge: 256))
    }
    let json = try JSON(contentsOf: url)
    let (edge, size) = (json["size"]?["shortest_edge"]?.integer ?? 256, json["crop_size"]?["height"]?.integer ?? 224)
    let published = FramePreprocessing(size: size, fit: .cropped(shortestEdge: edge))
    let flags = ["do_resize", "do_center_crop", "do_rescale", "do_normalize"]
    let isUsual =
      flags.allSatisfy { json[$0]?.bool != false } && (json["resample"]?.integer ?? 3) == 3
      && json["crop_size"]?["width"]?.integer ?? size == size && (1...4096).contains(size)
      && (size...4096).contains(edge)
      && isClose(json["image_mean"], FramePreprocessing.mean)
      && isClose(json["image_std"], FramePreprocessing.deviation)
    guard isUsual else {
      throw Failure(
        "\(url.path): expected images to be resized bicubically by their shorter side, cut to a square at the center "
          + "and normalized as ImageNet's, as the published DINOv2 models do")
    }
    return published
  }

  private static func isClose(_ json: JSON?, _ numbers: [Float]) -> Bool {
    guard let json else { return true }
    let found = json.array?.compactMap(\.double) ?? []
    return found.count == numbers.count && zip(found, numbers).allSatisfy { abs($0 - Double($1)) < 1e-6 }
  }
}
