import Failures
import Foundation
import MediaCoding

extension LeRobotDataset {
  /// Gives cameras the size of their first image where `info.json` says another one.
  ///
  /// A camera whose first image cannot be read keeps its size; reading the image gives the error.
  ///
  /// - Returns: lines about those, and about features that are left out.
  static func adoptImageSizes(
    _ metadata: inout DatasetMetadata, _ root: URL, _ first: Episode?, _ images: FrameImages, _ table: FrameTable
  ) -> [String] {
    var notices: [String] = []
    if !metadata.unreadable.isEmpty {
      notices.append(
        "features of \(root.path) that are left out: "
          + metadata.unreadable.map { "\($0.key) (\($0.value))" }.joined(separator: ", "))
    }
    for camera in metadata.cameras {
      guard let feature = metadata.features[camera], let said = feature.imageSize, let first,
        let found = try? imageSize(of: camera, feature, metadata, root, first, images, table), found != said
      else { continue }
      metadata.features[camera] = feature.sized(height: found.height, width: found.width)
      notices.append(
        "\(camera) of \(root.path) has images of \(found.width)x\(found.height) pixels; meta/info.json says "
          + "\(said.width)x\(said.height)")
    }
    return notices
  }

  private static func imageSize(
    of camera: String, _ feature: DatasetFeature, _ metadata: DatasetMetadata, _ root: URL, _ first: Episode,
    _ images: FrameImages, _ table: FrameTable
  ) throws -> (height: Int, width: Int)? {
    if feature.dataType == .image {
      guard let place = table.places.first, let row = table.rows.first else { return nil }
      let image = try images.image(camera, at: place, row: Int(row))
      return (image.height, image.width)
    }
    guard let video = first.videos[camera], let template = metadata.videoPath else { return nil }
    let reader = try VideoReader(template.url(in: root, chunk: video.chunk, file: video.file, video: camera))
    return (reader.height, reader.width)
  }

  /// Refuses videos that lack frames of the selected episodes, before a run meets them.
  ///
  /// - Throws: all such episodes, and the setting that leaves them out.
  public func checkVideos(of cameras: [String]) throws {
    let bad = try videoProblems(of: cameras)
    guard let problem = bad.first?.text else { return }
    throw Failure(
      "the videos of \(bad.count) of \(episodes.count) episodes of \(root.path) cannot be read as meta describes them "
        + "(\(remedy(for: bad.map(\.episode)))): \(problem)")
  }

  /// What is wrong with an episode.
  public struct EpisodeProblem: Sendable, Equatable {
    public let episode: Int
    /// In one sentence.
    public let text: String
  }

  /// The selected episodes of which a video lacks frames, has images of another size than the camera's others, or shows
  /// another episode too, each once.
  ///
  /// Only where a video's length leaves a doubt is an episode's last frame decoded.
  public func videoProblems(of cameras: [String]) throws -> [EpisodeProblem] {
    var bad: [Int: String] = [:]
    for camera in cameras where metadata.features[camera]?.dataType == .video {
      bad.merge(try videoProblems(of: camera)) { first, _ in first }
    }
    return bad.sorted { $0.key < $1.key }.map { EpisodeProblem(episode: $0.key, text: $0.value) }
  }

  private func videoProblems(of camera: String) throws -> [Int: String] {
    var bad: [Int: String] = [:]
    var known: [URL: OpenedVideo] = [:]
    var ranges = VideoRanges(framesPerSecond: metadata.framesPerSecond)
    var parts: [(position: Int, episode: Episode, start: Double, video: OpenedVideo)] = []
    for (episode, start) in zip(episodes, starts) {
      guard let video = episode.videos[camera], let template = metadata.videoPath else { continue }
      let url = try template.url(in: root, chunk: video.chunk, file: video.file, video: camera)
      let found = known[url] ?? OpenedVideo(url)
      known[url] = found
      parts.append((start + episode.frames.count - 1, episode, video.start, found))
      bad[episode.index] = ranges.add(video, of: episode, in: url)
    }
    bad.merge(ranges.overlaps()) { first, _ in first }
    let size = PixelSize.mostCommon(parts.compactMap { $0.video.size })
    for part in parts where bad[part.episode.index] == nil {
      bad[part.episode.index] = part.video.difference(from: size)
      let end = part.start + Double(table.timestamps[part.position])
      guard bad[part.episode.index] == nil, end + 0.5 / metadata.framesPerSecond >= part.video.duration else {
        continue
      }
      do { _ = try videos.frame(of: part.video.url, at: end, tolerance: tolerance) } catch {
        bad[part.episode.index] = message(of: error)
      }
    }
    return bad
  }

  /// What a video's head says of it; nothing if it cannot be opened.
  private struct OpenedVideo {
    let url: URL
    let duration: Double
    let size: PixelSize?

    init(_ url: URL) {
      let reader = try? VideoReader(url)
      (self.url, duration, size) = (url, reader?.duration ?? 0, reader.map { PixelSize(($0.height, $0.width)) })
    }

    /// A sentence if its images are of another size than the camera's.
    func difference(from wanted: PixelSize?) -> String? {
      guard let size, let wanted, size != wanted else { return nil }
      return "\(url.path) has images of \(size) pixels, other videos of the camera \(wanted)"
    }
  }

  /// Refuses features whose numbers are not finite, which would end in a loss that is not.
  ///
  /// - Throws: the first such frame, all episodes with such frames, and the setting that leaves them out.
  public func checkFinite(_ features: [String]) throws {
    let bad = try nonFiniteFrames(of: features)
    guard let place = bad.first?.text else { return }
    throw Failure(
      "\(place) in \(root.path) is not finite; repair the data, or leave episodes out "
        + "(\(remedy(for: bad.map(\.episode))))")
  }

  /// The first number that is not finite of each selected episode that has one, as its feature and frame.
  public func nonFiniteFrames(of features: [String]) throws -> [EpisodeProblem] {
    var bad: [EpisodeProblem] = []
    for (episode, start) in zip(episodes, starts) {
      let positions = Array(start..<start + episode.frames.count)
      for feature in features {
        let values = try values(of: feature, at: positions)
        guard let wrong = values.firstIndex(where: { !$0.isFinite }) else { continue }
        let frame = wrong / max(1, values.count / positions.count)
        bad.append(
          EpisodeProblem(
            episode: episode.index, text: "\(feature) of frame \(frame) of episode \(episode.index)"))
        break
      }
    }
    return bad
  }

  /// The selected episodes whose frames do not follow one another at the dataset's rate, with the first such frame.
  ///
  /// - Parameter tolerance: seconds that the distance of two frames may be off.
  public func timeProblems(tolerance: Double) -> [EpisodeProblem] {
    let period = 1 / metadata.framesPerSecond
    return zip(episodes, starts).compactMap { episode, start in
      let wrong = (start + 1..<start + episode.frames.count).filter {
        !table.follows(at: $0, period: period, tolerance: tolerance)
      }
      guard let first = wrong.first else { return nil }
      let (before, now) = (Double(table.timestamps[first - 1]), Double(table.timestamps[first]))
      return EpisodeProblem(
        episode: episode.index,
        text:
          "\(wrong.count) of its frames are off their time: frame \(first - start) is at \(now) s after \(before) s, and "
          + "frames are \(period) s apart")
    }
  }

  /// The video of a camera that the first selected episode lies in; nil if there is none or it cannot be opened.
  public func firstVideo(of camera: String) -> VideoReader? {
    guard let video = episodes.first?.videos[camera], let template = metadata.videoPath,
      let url = try? template.url(in: root, chunk: video.chunk, file: video.file, video: camera)
    else { return nil }
    return try? VideoReader(url)
  }

  /// The positions of a selected episode, by its place in ``episodes``.
  public func positions(ofEpisode ordinal: Int) -> Range<Int> {
    starts[ordinal]..<starts[ordinal] + episodes[ordinal].frames.count
  }

  /// The episodes to leave out, and the setting that does it.
  func remedy(for bad: [Int]) -> String {
    let listed = bad.prefix(20).map(String.init).joined(separator: ", ") + (bad.count > 20 ? " …" : "")
    let name = bad.count == 1 ? "episode \(listed)" : "episodes \(listed)"
    return "\(name); \(exclusion(of: bad)) leaves out what is damaged"
  }

  /// The setting that leaves episodes out; without their numbers where they are too many for a line, or all.
  public func exclusion(of bad: [Int]) -> String {
    guard bad.count < episodes.count, bad.count <= 200 else { return "`dataset.exclude_episodes`" }
    return "`dataset.exclude_episodes=[\(bad.map(String.init).joined(separator: ","))]`"
  }
}
