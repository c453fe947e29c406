import Synchronization
import TerminalOutput

/// The files that several threads fetch together, and how far they have come.
final class DownloadWork: Sendable {
  private struct State {
    var next = 0
    var bytes = 0
    var etags: [String?]
    var failure: HubError?
    var progress: ProgressBar?
  }

  private let files: [HubFile]
  private let state: Mutex<State>

  init(_ files: [HubFile], of listing: HubListing, showsProgress: Bool) {
    self.files = files
    let total = files.reduce(0) { $0.addingReportingOverflow($1.size ?? 0).partialValue }
    let label = "fetching \(listing.repository)"
    state = Mutex(
      State(
        etags: Array(repeating: nil, count: files.count),
        progress: showsProgress ? ProgressBar(label, total: total, unit: .bytes) : nil))
  }

  /// The next file that nobody has taken; nil when there is none, or one has failed.
  func next() -> (Int, HubFile)? {
    state.withLock { state in
      guard state.failure == nil, state.next < files.count else { return nil }
      defer { state.next += 1 }
      return (state.next, files[state.next])
    }
  }

  /// Says that so many more bytes are there, or fewer where a file began anew.
  ///
  /// - Throws: the error of another file, after which this one is of no use.
  func add(_ bytes: Int) throws(HubError) {
    let failure = state.withLock { state in
      state.bytes += bytes
      if bytes != 0 { state.progress?.update(state.bytes) }
      return state.failure
    }
    if let failure { throw failure }
  }

  func finish(_ index: Int, as etag: String) { state.withLock { $0.etags[index] = etag } }

  func fail(_ error: HubError) { state.withLock { $0.failure = $0.failure ?? error } }

  /// What the cache calls each file's content, when all threads have ended.
  func result() throws(HubError) -> [String] {
    let (etags, failure) = state.withLock { state in
      state.progress?.finish()
      return (state.etags.compactMap { $0 }, state.failure)
    }
    if let failure { throw failure }
    return etags
  }
}
