import Crypto
import Foundation
import ModelFiles

/// One file's way into the cache.
final class BlobDownload {
  private let file: HubFile
  private let listing: HubListing
  private let cache: HubCache
  private let connection: HubConnection
  private let work: DownloadWork
  /// Bytes that the work has been told of.
  private var reported = 0

  init(
    _ file: HubFile, of listing: HubListing, into cache: HubCache, by connection: HubConnection, in work: DownloadWork
  ) {
    (self.file, self.listing, self.cache, self.connection, self.work) = (file, listing, cache, connection, work)
  }

  private var subject: HubSubject {
    HubSubject(repository: listing.repository, revision: listing.revision, file: file.path)
  }

  private var address: String {
    connection.settings.endpoint + listing.repository.path + "/resolve/\(listing.commit)/\(escaped(file.path))"
  }

  /// Fetches the file unless its content is there; returns what the cache calls the content.
  func run() throws(HubError) -> String {
    let (etag, size) = try identity()
    let lock = try cache.lock(etag)
    defer { withExtendedLifetime(lock) {} }
    let blob = cache.blob(etag)
    if access(blob.path, F_OK) == 0, size == nil || size == Hub.size(blob) {
      try work.add(size ?? 0)
      return etag
    }
    let partial = cache.incomplete(etag)
    try grow(partial, to: size, etag)
    guard rename(partial.path, blob.path) == 0 else {
      let code = errno
      throw HubError("\(FileError.errno(code, blob.path, "be renamed into place"))")
    }
    return etag
  }

  /// The content's name and size: from the listing, else asked for.
  private func identity() throws(HubError) -> (String, Int?) {
    if let etag = file.etag, let size = file.size { return (etag, size) }
    let head = try connection.retrying { () throws(HubError) in
      try connection.send(
        HTTPRequest(method: "HEAD", address: address, headers: [("Accept-Encoding", "identity")]), about: subject,
        followsElsewhere: false
      ) { _, _ in }
    }
    let size = (head.headers["x-linked-size"] ?? head.headers["content-length"]).flatMap { Int($0) }
    var etag = head.headers["x-linked-etag"] ?? head.headers["etag"] ?? ""
    if etag.hasPrefix("W/") { etag.removeFirst(2) }
    etag = etag.trimmingCharacters(in: CharacterSet(charactersIn: "\""))
    guard HubFile.isTag(etag), size.map({ $0 >= 0 }) ?? true else {
      throw HubError(
        "\(connection.settings.endpoint) does not name the content of \(listing.repository)'s \(file.path) (ETag); "
          + "is HF_ENDPOINT the address of a hub?", .damaged)
    }
    return (etag, size)
  }

  /// Goes on with a partial file until it is whole and right; what is wrong is fetched again, once.
  private func grow(_ partial: URL, to size: Int?, _ etag: String) throws(HubError) {
    let output = try translated { try WritableFile(partial.path, creating: access(partial.path, F_OK) != 0) }
    do throws(HubError) {
      try fetch(into: output, size)
      try check(partial, etag)
    } catch {
      guard error.kind == .damaged else { throw error }
      // The start may have been of something else; a second whole one is not doubted.
      try translated { try output.truncate(to: 0) }
      do throws(HubError) {
        try fetch(into: output, size)
        try check(partial, etag)
      } catch {
        if error.kind == .damaged { unlink(partial.path) }
        throw error
      }
    }
    try translated { try output.synchronize() }
  }

  /// Fetches what is missing, again and again while the connection breaks and something comes.
  private func fetch(into output: WritableFile, _ size: Int?) throws(HubError) {
    let settings = connection.settings
    let place = URL(fileURLWithPath: output.path)
    var failures = 0
    for _ in 0..<max(1, settings.attempts) * 20 {
      let before = Hub.size(place)
      do throws(HubError) {
        return try fetchOnce(into: output, from: before, size)
      } catch {
        failures = Hub.size(place) > before ? 1 : failures + 1
        guard failures < settings.attempts, let pause = connection.pause(after: error, failures: failures) else {
          throw error
        }
        connection.rest(pause, after: error)
      }
    }
    throw HubError("\(settings.endpoint) breaks off \(name) again and again; try again later")
  }

  private func fetchOnce(into output: WritableFile, from start: Int, _ size: Int?) throws(HubError) {
    try report(start)
    if start == size { return }
    if let size, start > size { throw HubError("\(name) has \(start) bytes instead of \(size)", .damaged) }
    var request = HTTPRequest(address: address, headers: [("Accept-Encoding", "identity")])
    if start > 0 { request.headers.append(("Range", "bytes=\(start)-")) }
    var offset = start
    var isFirst = true
    let head = try connection.send(request, about: subject) { head, bytes throws(HubError) in
      if isFirst {
        isFirst = false
        offset = head.status == 206 ? start : 0
        let range = head.headers["content-range"] ?? ""
        guard head.status != 206 || range.hasPrefix("bytes \(start)-") else {
          throw HubError("\(self.name) comes from another place (\(range)) than the one asked for (\(start))", .damaged)
        }
        try translated {
          if offset < start { try output.truncate(to: 0) }
          try output.seek(to: offset)
        }
      }
      if let size, offset + bytes.count > size {
        throw HubError("\(self.name) is longer than the \(size) bytes that were announced", .damaged)
      }
      try translated { try output.write(bytes) }
      offset += bytes.count
      try self.report(offset)
    }
    guard size == nil || offset == size else {
      throw HubError(
        "\(name) ended after \(offset) of \(size ?? 0) bytes (status \(head.status)); try again later",
        .unreachable(retryAfter: nil))
    }
  }

  /// Compares the content with its name: a SHA-256, or a git blob's SHA-1. Other names say nothing about it.
  private func check(_ partial: URL, _ etag: String) throws(HubError) {
    guard etag.allSatisfy(\.isHexDigit) else { return }
    let found = try translated { () -> String? in
      switch etag.utf8.count {
      case 64: return try MappedFile(partial).sha256
      case 40: return try gitBlobHash(MappedFile(partial))
      default: return nil
      }
    }
    guard let found, found != etag.lowercased() else { return }
    throw HubError(
      "\(name) came damaged: its hash is \(found), expected \(etag); nothing of it was kept, try again later", .damaged)
  }

  private var name: String { "\(listing.repository)'s \(file.path)" }

  private func report(_ offset: Int) throws(HubError) {
    defer { reported = offset }
    try work.add(offset - reported)
  }
}

/// What git calls a file's content.
func gitBlobHash(_ file: MappedFile) -> String {
  var hash = Insecure.SHA1()
  hash.update(data: Array("blob \(file.count)\0".utf8))
  withExtendedLifetime(file) { hash.update(bufferPointer: file.unsafeBytes) }
  return hash.finalize().map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}
