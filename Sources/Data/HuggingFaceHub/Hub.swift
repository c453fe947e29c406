import Foundation
import ModelFiles
import WorkerThreads

/// The Hugging Face hub, as far as it is needed to bring repositories into the cache and models out of it.
///
/// ```swift
/// let hub = Hub()
/// let listing = try hub.listing(of: HubRepository(.model, "lerobot/smolvla_base"))
/// let folder = try hub.fetch(listing) { $0.hasSuffix(".json") }
/// ```
public struct Hub: Sendable {
  /// Where it is and how patient to be with it.
  public let settings: HubSettings

  /// The hub of these settings; nothing is asked yet.
  public init(_ settings: HubSettings = HubSettings()) { self.settings = settings }

  /// Refuses to ask anybody where the user wants to be alone.
  func checkOnline(_ repository: HubRepository) throws(HubError) {
    guard !settings.isOffline else {
      throw HubError(
        "\(repository) is not, or not wholly, in the Hugging Face cache (\(settings.cache(of: repository.kind).path)) and HF_HUB_OFFLINE "
          + "forbids fetching it; unset HF_HUB_OFFLINE, or give a folder")
    }
  }

  /// Brings some of a listing's files into the cache, checked, and returns the folder that they lie in.
  ///
  /// Files that are there already are not fetched again; what an interrupted run left is gone on with. Files appear in
  /// the folder only when all of them are whole.
  ///
  /// - Parameter isWanted: whether a path of the repository is needed.
  /// - Throws: one sentence, after trying again where that helps.
  public func fetch(_ listing: HubListing, where isWanted: (String) -> Bool = { _ in true }) throws(HubError) -> URL {
    let cache = HubCache(listing.repository, settings)
    let folder = cache.snapshot(commit: listing.commit)
    let wanted = listing.files.filter { isWanted($0.path) }
    let missing = wanted.filter { access(folder.appendingPathComponent($0.path).path, F_OK) != 0 }
    if !missing.isEmpty {
      try cache.prepare()
      try checkSpace(for: missing, of: listing, in: cache)
      let etags = try download(missing, of: listing, into: cache)
      for (file, etag) in zip(missing, etags) { try cache.link(file.path, to: etag, commit: listing.commit) }
    }
    try cache.remember(listing.revision, means: listing.commit)
    return folder
  }

  /// Refuses to begin what the disk cannot hold.
  private func checkSpace(for files: [HubFile], of listing: HubListing, in cache: HubCache) throws(HubError) {
    var needed = 0
    for file in files {
      guard let size = file.size, let etag = file.etag else { continue }
      let there = max(Self.size(cache.blob(etag)), Self.size(cache.incomplete(etag)))
      let (sum, overflows) = needed.addingReportingOverflow(max(0, size - there))
      needed = overflows ? .max : sum
    }
    var status = statvfs()
    guard statvfs(cache.folder.path, &status) == 0 else { return }
    let (free, overflows) = Int(status.f_bavail).multipliedReportingOverflow(by: Int(status.f_frsize))
    guard overflows || needed <= free else {
      throw HubError(
        "\(listing.repository) needs \(formattedSize(needed)) more, and \(cache.root.path) has \(formattedSize(free)) "
          + "free; make room, or name a folder on another disk in HF_HUB_CACHE")
    }
  }

  /// The bytes of a file; 0 if there is none.
  static func size(_ url: URL) -> Int {
    var status = stat()
    return stat(url.path, &status) == 0 ? Int(status.st_size) : 0
  }

  /// Fetches files side by side; returns what the cache calls each one's content.
  private func download(_ files: [HubFile], of listing: HubListing, into cache: HubCache) throws(HubError) -> [String] {
    let work = DownloadWork(files, of: listing)
    let (settings, observer) = (settings, HubProgress.observer)
    let group = DispatchGroup()
    let download: @Sendable () -> Void = {
      defer { group.leave() }
      do throws(HubError) {
        let connection = try HubConnection(settings, observer: observer)
        while let (index, file) = work.next() {
          let blob = BlobDownload(file, of: listing, into: cache, by: connection, in: work)
          work.finish(index, as: try blob.run())
        }
      } catch {
        work.fail(error)
      }
    }
    for number in 0..<min(files.count, 8) {
      group.enter()
      // Threads of their own: they wait for the network, and the cores have other work. This one does what no thread can.
      if !startThread(named: "download-\(number)", download) { download() }
    }
    group.wait()
    return try work.result()
  }
}
