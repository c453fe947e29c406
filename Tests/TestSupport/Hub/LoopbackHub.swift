import Foundation
import Synchronization

/// A Hugging Face hub on 127.0.0.1, for tests: folders served as model and dataset repositories, uploads accepted, faults
/// injected on request. Large files (`.safetensors`, `.parquet`, …) are redirected to a second port, as the real hub
/// redirects to a store on another host.
///
/// ```swift
/// let hub = try LoopbackHub()
/// defer { hub.stop() }
/// try hub.add(.model, "lerobot/smolvla_base", folder: checkpoint)
/// try hub.add(.dataset, "HuggingFaceVLA/libero", folder: dataset, tags: ["v3.0"])
/// // Runs the real program; HF_HOME must be an empty folder of the test's own.
/// process.environment = ["HF_ENDPOINT": hub.endpoint, "HF_HOME": home.path, …]
/// hub.inject(.status(500), at: "model.safetensors", times: 2)
/// #expect(hub.requests.contains("GET /lerobot/smolvla_base/resolve/…"))
/// ```
public final class LoopbackHub: Sendable {
  /// A repository's kind.
  public enum Kind: String, Sendable {
    case model, dataset
  }

  /// What can go wrong with an answer.
  public enum Fault: Sendable {
    /// Another status, without the answer's body; `code` is the hub's `X-Error-Code`.
    case status(Int, code: String? = nil, retryAfter: String? = nil)
    /// The connection ends after so many bytes of the body.
    case cut(after: Int)
    /// One byte of the body is another.
    case wrongByte
    /// Nothing follows for some seconds after so many bytes of the body.
    case stall(after: Int, seconds: Double)
    /// Sixteen bytes five times a second.
    case trickle
    /// Bytes that are not HTTP.
    case garbage
    /// A redirect to the same address.
    case redirectLoop
    /// A redirect to another address.
    case redirect(to: String)
    /// Another body.
    case body(String)
    /// More body than was promised in the listing.
    case longer(by: Int)
    /// Ranges are ignored: the whole body comes with status 200.
    case noRanges
  }

  struct State: Sendable {
    var repositories: [String: HostedRepository] = [:]
    var store: [String: Data] = [:]
    var parts: [String: [Int: Data]] = [:]
    var faults: [(fault: Fault, path: String, times: Int)] = []
    var requests: [String] = []
    var partSize: Int?
    var listsDetails = true
    var pageSize: Int?
  }

  /// The token that private and gated repositories and uploads need.
  public let token: String?
  let state = Mutex(State())
  private let servers = Mutex<[LoopbackServer]>([])
  /// The ports of the hub and of its store of large files.
  private let ports = Mutex<(hub: UInt16, store: UInt16)>((0, 0))

  /// Starts an empty hub.
  ///
  /// - Parameter token: what `HF_TOKEN` must be for private and gated repositories and for uploads.
  public init(token: String? = nil) throws {
    self.token = token
    let hub = try LoopbackServer { [weak self] in self?.answer($0, isStore: false) ?? ServerResponse(status: 503) }
    let store = try LoopbackServer { [weak self] in self?.answer($0, isStore: true) ?? ServerResponse(status: 503) }
    servers.withLock { $0 = [hub, store] }
    ports.withLock { $0 = (hub.port, store.port) }
  }

  deinit { stop() }

  /// Ends it; later requests find nobody.
  public func stop() { servers.withLock { $0.forEach { $0.stop() } } }

  /// What `HF_ENDPOINT` must be.
  public var endpoint: String { "http://127.0.0.1:\(ports.withLock(\.hub))" }

  /// Where the store of large files answers: another host than the hub's, so that huggingface_hub takes a file's metadata
  /// from the hub's own answer.
  var storeEndpoint: String { "http://localhost:\(ports.withLock(\.store))" }

  /// Serves a folder as a repository, or as a further commit of a branch of it; returns the commit.
  @discardableResult
  public func add(
    _ kind: Kind, _ name: String, folder: URL, branch: String = "main", tags: [String] = [], isGated: Bool = false,
    isPrivate: Bool = false
  ) throws -> String {
    var files: [String: Data] = [:]
    let root = folder.resolvingSymlinksInPath().path
    for case let path as String in FileManager.default.enumerator(atPath: root) ?? .init() {
      var isFolder: ObjCBool = false
      let full = root + "/" + path
      guard FileManager.default.fileExists(atPath: full, isDirectory: &isFolder), !isFolder.boolValue else { continue }
      files[path] = try Data(contentsOf: URL(fileURLWithPath: full))
    }
    return add(kind, name, files: files, branch: branch, tags: tags, isGated: isGated, isPrivate: isPrivate)
  }

  /// Serves files as a repository, or as a further commit of a branch of it; returns the commit.
  @discardableResult
  public func add(
    _ kind: Kind, _ name: String, files: [String: Data], branch: String = "main", tags: [String] = [],
    isGated: Bool = false, isPrivate: Bool = false
  ) -> String {
    let hosted = Dictionary(uniqueKeysWithValues: files.map { ($0.key, HostedFile($0.value, path: $0.key)) })
    return state.withLock { state in
      var repository = state.repositories["\(kind.rawValue)s/\(name)"] ?? HostedRepository()
      let commit = repository.add(hosted, to: branch)
      for tag in tags { repository.tags[tag] = commit }
      repository.isGated = isGated
      repository.isPrivate = isPrivate
      state.repositories["\(kind.rawValue)s/\(name)"] = repository
      for file in hosted.values where file.isLarge { state.store[file.sha256] = file.content }
      return commit
    }
  }

  /// The files of a repository's branch, uploads included; nil where there is no such repository.
  public func files(_ kind: Kind, _ name: String, branch: String = "main") -> [String: Data]? {
    state.withLock { state in
      guard let repository = state.repositories["\(kind.rawValue)s/\(name)"] else { return nil }
      return repository.branches[branch].flatMap { repository.commits[$0] }?.mapValues(\.content) ?? [:]
    }
  }

  /// The files that a tag of a repository names; nil without such a tag.
  public func files(_ kind: Kind, _ name: String, tagged tag: String) -> [String: Data]? {
    state.withLock { state in
      let repository = state.repositories["\(kind.rawValue)s/\(name)"]
      return repository?.tags[tag].flatMap { repository?.commits[$0] }?.mapValues(\.content)
    }
  }

  /// Whether a repository was made private.
  public func isPrivate(_ kind: Kind, _ name: String) -> Bool {
    state.withLock { $0.repositories["\(kind.rawValue)s/\(name)"]?.isPrivate ?? false }
  }

  /// Injects a fault into the next requests whose path ends in `path`; large files' bodies answer to their own paths too.
  public func inject(_ fault: Fault, at path: String, times: Int = .max) {
    state.withLock { $0.faults.append((fault, path, times)) }
  }

  /// Removes all faults.
  public func removeFaults() { state.withLock { $0.faults = [] } }

  /// Asks for uploads of large files in parts of so many bytes.
  public func takeUploadsInParts(of size: Int) { state.withLock { $0.partSize = size } }

  /// Leaves sizes and hashes out of listings, as some mirrors do.
  public func hideDetails() { state.withLock { $0.listsDetails = false } }

  /// Leaves the files out of a repository's description, as the hub may for very many; they come in pages of this size.
  public func listInPages(of size: Int) { state.withLock { $0.pageSize = size } }

  /// What was asked so far: `GET /path`, for the store `GET store/path`, then ` range=…` and ` token` where they came.
  public var requests: [String] { state.withLock { $0.requests } }

  /// Forgets what was asked so far.
  public func forgetRequests() { state.withLock { $0.requests = [] } }
}
