import Failures

/// An image's size in pixels; as text, width by height.
struct PixelSize: Hashable, CustomStringConvertible {
  let height: Int, width: Int

  init(_ size: (height: Int, width: Int)) { (height, width) = size }

  var description: String { "\(width)x\(height)" }

  /// The size that most have; of several, the one that comes first.
  static func mostCommon(_ sizes: [PixelSize]) -> PixelSize? {
    let counts = Dictionary(sizes.map { ($0, 1) }, uniquingKeysWith: +)
    let most = counts.values.max()
    return sizes.first { counts[$0] == most }
  }
}

extension LeRobotDataset {
  /// Refuses images in data files whose size is not that of the camera's others, before a run meets them.
  ///
  /// The head of each selected episode's first image is read; of files larger than the memory for images, of each row group's
  /// first episode.
  ///
  /// - Throws: all such episodes, and the setting that leaves them out.
  public func checkImages(of cameras: [String]) throws {
    let bad = imageProblems(of: cameras)
    guard let problem = bad.first?.text else { return }
    throw Failure(
      "images of \(bad.count) of \(episodes.count) episodes of \(root.path) cannot be used "
        + "(\(remedy(for: bad.map(\.episode)))): \(problem)")
  }

  /// The selected episodes with images in data files that are of another size than the camera's others or no images,
  /// each once.
  ///
  /// - Parameters:
  ///   - everyFrame: whether to look at all images instead of each episode's first.
  ///   - onProgress: is told how many images have been looked at.
  public func imageProblems(
    of cameras: [String], everyFrame: Bool = false, onProgress: (Int) -> Void = { _ in }
  ) -> [EpisodeProblem] {
    var bad: [Int: String] = [:]
    var done = 0
    for camera in cameras where metadata.features[camera]?.dataType == .image {
      let found = imageSizes(of: camera, at: everyFrame ? Array(0..<count) : starts, everything: everyFrame) {
        done += $0
        onProgress(done)
      }
      let common = PixelSize.mostCommon(found.compactMap { try? $0.size.get() })
      for (position, size) in found {
        guard let text = problem(camera, position, size, common), let frame = try? frame(at: position),
          bad[frame.episodeIndex] == nil
        else { continue }
        bad[frame.episodeIndex] = text
      }
    }
    return bad.sorted { $0.key < $1.key }.map { EpisodeProblem(episode: $0.key, text: $0.value) }
  }

  private func problem(
    _ camera: String, _ position: Int, _ size: Result<PixelSize, any Error>, _ common: PixelSize?
  ) -> String? {
    let frame = table.frameIndices[position]
    switch size {
    case .failure(let error): return "frame \(frame) of \(camera): \(message(of: error))"
    case .success(let size):
      guard let common, size != common else { return nil }
      return "frame \(frame) of \(camera) has \(size) pixels, other images of the camera \(common)"
    }
  }

  /// The sizes of a camera's images at some positions, in their order, as far as they can be read at little cost.
  private func imageSizes(
    of camera: String, at positions: [Int], everything: Bool, onProgress: (Int) -> Void
  ) -> [(position: Int, size: Result<PixelSize, any Error>)] {
    var found: [(position: Int, size: Result<PixelSize, any Error>)] = []
    let groups = Dictionary(grouping: positions) { table.places[$0] }
    for (place, positions) in groups.sorted(by: { ($0.key.file, $0.key.rowGroup) < ($1.key.file, $1.key.rowGroup) }) {
      // Finding a later row costs the bytes before it.
      let positions = everything || images.fitsMemory ? positions : Array(positions.prefix(1))
      let rows = positions.map { Int(table.rows[$0]) }
      let sizes = images.sizes(camera, at: place, rows: rows, everything: everything) ?? []
      found += zip(positions, sizes).map { (position: $0, size: $1.map { PixelSize($0) }) }
      onProgress(positions.count)
    }
    return found.sorted { $0.position < $1.position }
  }
}
