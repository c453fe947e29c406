import Failures
import ModelFiles
import OrderedCollections

/// One feature of a dataset, as `meta/info.json` describes it.
public struct DatasetFeature: Sendable, Equatable {
  /// LeRobot's name of the values' type.
  public enum DataType: String, Sendable, CaseIterable {
    /// The types by LeRobot's names; `image` and `video` are images, within Parquet and beside it.
    case float32, float64, int8, int16, int32, int64, uint8, bool, string, image, video

    public var isVisual: Bool { self == .image || self == .video }
  }

  public let dataType: DataType
  /// The shape of one frame's value; of an image in the order that `names` tells.
  public let shape: [Int]
  /// Names of the dimensions or of their entries, as the file has them.
  public let names: JSON
  /// A video's codec and size, as the file has them.
  public let videoInfo: JSON?

  public init(_ dataType: DataType, shape: [Int], names: JSON = .null, videoInfo: JSON? = nil) {
    self.dataType = dataType
    self.shape = shape
    self.names = names
    self.videoInfo = videoInfo
  }

  /// A camera's feature with LeRobot's `[height, width, channels]` order.
  public static func camera(_ dataType: DataType, height: Int, width: Int) -> DatasetFeature {
    DatasetFeature(dataType, shape: [height, width, 3], names: ["height", "width", "channels"])
  }

  public var elementCount: Int { shape.reduce(1, *) }

  /// Height and width of an image, in the order that `names` tells; without names the channels are the 3.
  public var imageSize: (height: Int, width: Int)? {
    guard dataType.isVisual, shape.count == 3 else { return nil }
    if let order = imageOrder { return (shape[order.height], shape[order.width]) }
    return shape[0] == 3 && shape[2] != 3 ? (shape[1], shape[2]) : (shape[0], shape[1])
  }

  private var imageOrder: (height: Int, width: Int)? {
    let words = names.array?.map { $0.string?.lowercased() ?? "" } ?? []
    guard words.count == 3, words.contains(where: { $0.hasPrefix("c") }),
      let height = words.firstIndex(where: { $0.hasPrefix("h") }),
      let width = words.firstIndex(where: { $0.hasPrefix("w") })
    else { return nil }
    return (height, width)
  }

  /// The same camera with images of another size.
  func sized(height: Int, width: Int) -> DatasetFeature {
    DatasetFeature(
      dataType, shape: [height, width, 3], names: ["height", "width", "channels"], videoInfo: videoInfo)
  }

  /// Whether a camera's images are distances, as LeRobot 0.6 marks them.
  private var isDepthMap: Bool { ["is_depth_map", "video.is_depth_map"].contains { videoInfo?[$0] == true } }
}

extension DatasetFeature {
  /// What every dataset has besides what its robot gives, in LeRobot's order.
  public static let bookkeeping: OrderedDictionary<String, DatasetFeature> = [
    "timestamp": DatasetFeature(.float32, shape: [1]),
    "frame_index": DatasetFeature(.int64, shape: [1]),
    "episode_index": DatasetFeature(.int64, shape: [1]),
    "index": DatasetFeature(.int64, shape: [1]),
    "task_index": DatasetFeature(.int64, shape: [1]),
  ]

  /// - Throws: why a feature of `info.json` cannot be read, without its name.
  init(_ json: JSON) throws {
    guard let text = json["dtype"]?.string else { throw Failure("without a \"dtype\"") }
    guard let dataType = DataType(rawValue: text) else { throw Failure("of the dtype \(text)") }
    let shape = json["shape"]?.array?.map(\.integer)
    guard let shape, shape.allSatisfy({ ($0 ?? 0) > 0 && ($0 ?? 0) <= 1 << 24 }), shape.count <= 5 else {
      throw Failure("without a \"shape\" of positive integers")
    }
    self.init(dataType, shape: shape.compactMap(\.self), names: json["names"] ?? .null, videoInfo: json["info"])
    guard !dataType.isVisual || !isDepthMap else { throw Failure("a depth map") }
    guard !dataType.isVisual || imageSize != nil && shape.contains(3) else {
      throw Failure("of the shape \(self.shape), which no RGB image has")
    }
    let count = self.shape.reduce(into: 1 as Int?) { product, size in
      let (value, overflow) = (product ?? 0).multipliedReportingOverflow(by: size)
      product = product == nil || overflow ? nil : value
    }
    guard let count, count <= 1 << 30 else {
      throw Failure("of the shape \(self.shape), which is too large")
    }
  }

  var json: JSON {
    var members: OrderedDictionary<String, JSON> = [
      "dtype": .string(dataType.rawValue), "shape": .array(shape.map { .integer($0) }), "names": names,
    ]
    if let videoInfo { members["info"] = videoInfo }
    return .object(members)
  }
}
