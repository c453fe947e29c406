import Foundation
import LeRobotDatasets
import ModelFiles
import OrderedCollections
import ParquetFiles
import WorkerThreads

/// How a dataset is loaded, as `loader_peer.py` times LeRobot: 2 workers, shuffled batches of 8, all cameras, 50 actions.
/// With images in Parquet also how many bytes an epoch reads from a cold disk for each byte of an image that it uses.
func loaderFigures(_ root: URL, memoryMegabytes: Int) throws -> JSON {
  var figures: OrderedDictionary<String, JSON> = [
    "loader": "lerobot-wm", "samples_per_second": .number(try samplesPerSecond(root, memoryMegabytes)),
  ]
  let features = try LeRobotDataset(root: root).metadata.features
  let cameras = features.filter { $0.value.dataType == .image }.map(\.key)
  if !cameras.isEmpty {
    let used = try dataFiles(root).reduce(0) { try $0 + imageBytes(in: $1, cameras) }
    figures["memory_mb"] = .integer(memoryMegabytes)
    figures["bytes_used"] = .integer(used)
    figures["bytes_read"] = .integer(try bytesOfColdEpoch(root, memoryMegabytes))
  }
  return .object(figures)
}

private func samplesPerSecond(_ root: URL, _ memoryMegabytes: Int) throws -> Double {
  let dataset = try LeRobotDataset(root: root, imageCacheBytes: memoryMegabytes << 20)
  let request = dataset.everything(chunkSize: 50)
  let sampler = try BatchSampler(count: dataset.count, batchSize: 8, seed: 0)
  let loader = OrderedPrefetcher(steps: 0..<Int(Int32.max), workers: 2) {
    try dataset.batch(sampler.samples(step: $0), request, draw: $0 * sampler.batchSize)
  }
  defer { loader.stop() }
  for _ in 0..<5 { _ = try loader.next() }
  let clock = ContinuousClock()
  let start = clock.now
  var batches = 0
  while clock.now - start < .seconds(20) {
    _ = try loader.next()
    batches += 1
  }
  return Double(8 * batches) / ((clock.now - start) / .seconds(1))
}

/// Opens the dataset, whose files nobody else may have mapped, and loads an epoch on this thread; before each batch all data leave the page cache.
private func bytesOfColdEpoch(_ root: URL, _ memoryMegabytes: Int) throws -> Int {
  let files = dataFiles(root)
  makeCold(files)
  let start = try bytesFromDisk()
  let dataset = try LeRobotDataset(root: root, imageCacheBytes: memoryMegabytes << 20)
  let sampler = try BatchSampler(count: dataset.count, batchSize: 8, seed: 0)
  for step in 0..<dataset.count / 8 {
    makeCold(files)
    _ = try dataset.batch(sampler.samples(step: step), dataset.everything(chunkSize: 50))
  }
  return try bytesFromDisk() - start
}

private func imageBytes(in url: URL, _ cameras: [String]) throws -> Int {
  let file = try ParquetFile(url)
  return try file.rowGroups.indices.reduce(0) { sum, group in
    let table = try file.read(rowGroup: group, columns: cameras)
    return try cameras.reduce(sum) { try $0 + table.column($1).member("bytes").byteCount() }
  }
}

private func dataFiles(_ root: URL) -> [URL] {
  let files = FileManager.default.enumerator(at: root.appendingPathComponent("data"), includingPropertiesForKeys: nil)
  return files?.compactMap { $0 as? URL }.filter { $0.pathExtension == "parquet" } ?? []
}

private func makeCold(_ files: [URL]) {
  for url in files {
    let descriptor = open(url.path, O_RDONLY)
    fsync(descriptor)
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_DONTNEED)
    close(descriptor)
  }
}

/// What this process has had read from disks, in bytes.
private func bytesFromDisk() throws -> Int {
  let text = try String(contentsOfFile: "/proc/self/io", encoding: .utf8)
  let line = text.split(separator: "\n").first { $0.hasPrefix("read_bytes:") }
  return line.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
}
