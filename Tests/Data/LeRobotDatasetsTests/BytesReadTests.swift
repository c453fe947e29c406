import Foundation
import ParquetFiles
import RGBImages
import Testing

@testable import LeRobotDatasets

/// A dataset in LeRobot's layout whose images, 49 kB as PNG, do not compress.
private func writeNoise(to root: URL, episodes: Int, frames: Int) throws {
  var features = ToyDataset.features(.video, cameras: [])
  features["observation.images.top"] = .camera(.image, height: 128, width: 128)
  let writer = try DatasetWriter(root: root, framesPerSecond: 10, features: features)
  var generator = Noise()
  for episode in 0..<episodes {
    for frame in 0..<frames {
      let words = (0..<128 * 128 * 3 / 8).map { _ in generator.next() }
      let pixels = words.withUnsafeBytes { [UInt8]($0) }
      try writer.addFrame([
        "observation.state": .floats(ToyDataset.state(episode, frame)),
        "action": .floats(ToyDataset.action(episode, frame)),
        "observation.images.top": .image(try RGBImage(width: 128, height: 128, pixels: pixels)),
      ])
    }
    try writer.saveEpisode(task: "look")
  }
  try writer.finish()
}

private struct Noise: RandomNumberGenerator {
  private var state: UInt64 = 1

  mutating func next() -> UInt64 {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return state
  }
}

/// What this thread has had read from disks, in bytes.
private func bytesFromDisk() throws -> Int {
  let text = try String(contentsOfFile: "/proc/thread-self/io", encoding: .utf8)
  let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("read_bytes:") })
  return try #require(Int(line.split(separator: " ")[1]))
}

/// Takes files out of the page cache.
private func makeCold(_ files: [URL]) {
  for url in files {
    let descriptor = open(url.path, O_RDONLY)
    fsync(descriptor)
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    close(descriptor)
  }
}

/// Whether temporary files lie on a disk whose reads the kernel counts; they may lie in memory.
private func countsReads() -> Bool {
  let url = FileManager.default.temporaryDirectory.appendingPathComponent("wm-cold-\(UUID().uuidString)")
  defer { try? FileManager.default.removeItem(at: url) }
  do {
    try Data(repeating: 1, count: 1 << 20).write(to: url)
    makeCold([url])
    let before = try bytesFromDisk()
    _ = try Data(contentsOf: url)
    return try bytesFromDisk() - before >= 1 << 20
  } catch { return false }
}

/// The bytes of a camera's images. The file is closed again, because mapped pages stay in the cache.
private func imageBytes(in url: URL, _ camera: String) throws -> Int {
  let file = try ParquetFile(url)
  return try file.rowGroups.indices.reduce(0) {
    try $0 + file.read(rowGroup: $1, columns: [camera]).column(camera).member("bytes").byteCount()
  }
}

@Test(.enabled(if: countsReads()))
func `an epoch in shuffled order of a dataset ten times its memory reads less than three times its images`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("noise")
    try writeNoise(to: root, episodes: 4, frames: 60)
    let url = root.appendingPathComponent("data/chunk-000/file-000.parquet")
    let used = try imageBytes(in: url, "observation.images.top")
    let memory = used / 10
    // Everything is there to be evicted: each batch comes from a cold disk.
    makeCold([url])
    let start = try bytesFromDisk()
    let dataset = try LeRobotDataset(root: root, imageCacheBytes: memory)
    let sampler = try BatchSampler(count: dataset.count, batchSize: 8, seed: 3)
    let request = dataset.everything(chunkSize: 4)
    var seen: Set<Int> = []
    for step in 0..<dataset.count / 8 {
      makeCold([url])
      let batch = try dataset.batch(sampler.samples(step: step), request)
      seen.formUnion(batch.positions)
    }
    let read = try bytesFromDisk() - start
    #expect(seen.count == dataset.count && used > 240 * 45_000)
    #expect(read > used && read <= 3 * used, "\(Double(read) / Double(used)) times what is used")
  }
}

@Test(.enabled(if: countsReads()))
func `the sizes of the episodes' first images are found with a small part of the bytes`() throws {
  try withFolder { folder in
    let root = folder.appendingPathComponent("noise")
    try writeNoise(to: root, episodes: 4, frames: 60)
    let url = root.appendingPathComponent("data/chunk-000/file-000.parquet")
    let used = try imageBytes(in: url, "observation.images.top")
    let dataset = try LeRobotDataset(root: root)
    makeCold([url])
    let start = try bytesFromDisk()
    try dataset.checkImages(of: ["observation.images.top"])
    let read = try bytesFromDisk() - start
    // Four images of 49 kB, and what it takes to find them.
    #expect(read > 0 && read < 8 * 49_000 && read < used / 20, "\(read) of \(used)")
  }
}
