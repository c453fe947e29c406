import Synchronization

/// The files that several threads fetch together, and how far they have come.
final class DownloadWork: Sendable {
  private struct State {
    var next = 0
    var bytes = 0
    var etags: [String?]
    var failure: HubError?
  }

  private let files: [HubFile]
  private let state: Mutex<State>
  private let progress: (@Sendable (Int?) -> Void)?

  init(_ files: [HubFile], of listing: HubListing) {
    self.files = files
    let total = files.reduce(0) { $0.addingReportingOverflow($1.size ?? 0).partialValue }
    progress = HubProgress.observer?.start("fetching \(listing.repository)", total)
    state = Mutex(State(etags: Array(repeating: nil, count: files.count)))
  }

  /// The next file that no thread has taken, or nil if there is none or one has failed.
  func next() -> (Int, HubFile)? {
    state.withLock { state in
      guard state.failure == nil, state.next < files.count else { return nil }
      defer { state.next += 1 }
      return (state.next, files[state.next])
    }
  }

  /// Says that so many more bytes are there, or fewer where a file began again.
  ///
  /// - Throws: the error of another file, after which this one is of no use.
  func add(_ bytes: Int) throws(HubError) {
    let (total, failure) = state.withLock { state in
      state.bytes += bytes
      return (state.bytes, state.failure)
    }
    if bytes != 0 { progress?(total) }
    if let failure { throw failure }
  }

  func finish(_ index: Int, as etag: String) { state.withLock { $0.etags[index] = etag } }

  func fail(_ error: HubError) { state.withLock { $0.failure = $0.failure ?? error } }

  /// What the cache calls each file's content, when all threads have ended.
  func result() throws(HubError) -> [String] {
    progress?(nil)
    let (etags, failure) = state.withLock { ($0.etags.compactMap { $0 }, $0.failure) }
    if let failure { throw failure }
    return etags
  }
}
