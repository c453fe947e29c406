import Failures
import Foundation
import LayeredSettings
import ModelFiles

extension WorldLatentPrecomputation {
  /// Joins the shards into the cache if all are there. They are whole batches of the undivided work, so the cache is the
  /// same file, bit for bit.
  ///
  /// - Returns: the shards that are not finished; none if the cache is complete.
  func join(_ shard: Shard, into url: URL, overwrite: Bool) throws -> [Shard] {
    let all = Shard.all(of: shard.count)
    let missing = all.filter { !LatentCache.sidecarURL(of: $0.url(of: url)).isThere }
    guard missing.isEmpty else {
      // Another process may have joined and deleted them meanwhile.
      return !overwrite && url.isThere ? [] : missing
    }
    let writer: NumpyWriter
    do {
      writer = try NumpyWriter(url, .float16, rowShape: [identity.latentDimension], overwrite: overwrite)
    } catch FileError.exists, FileError.invalid {
      return []  // Another process joins them.
    }
    for part in all { try append(part, of: url, to: writer) }
    try publish(writer, overwrite: overwrite)
    for part in all.map({ $0.url(of: url) }) {
      for file in [LatentCache.sidecarURL(of: part), part] { try? FileManager.default.removeItem(at: file) }
    }
    return []
  }

  private func append(_ part: Shard, of url: URL, to writer: NumpyWriter) throws {
    let place = part.url(of: url)
    try requireSame(LatentCache.sidecarURL(of: place))
    let file = try NumpyFile(place)
    guard file.element == .float16, file.shape == [rows(of: part).count, identity.latentDimension] else {
      throw Failure("\(place.path) is not that shard's latents, but \(file.shape); delete it and run its shard again")
    }
    try writer.append(UnsafeRawBufferPointer(rebasing: file.mapping.unsafeBytes[file.range]))
  }
}

extension Shard {
  /// Where its latents lie until they are joined.
  func url(of cache: URL) -> URL { cache.appendingPathExtension("shard-\(number)-of-\(count)") }
}
