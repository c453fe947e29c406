import Foundation

/// A secret that no print, log or interpolation shows.
public struct HubToken: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  let value: String

  /// A token without its surrounding space; nil where nothing is left, or where it could not stand in a header.
  init?(_ text: String) {
    let value = text.trimmingCharacters(in: .whitespacesAndNewlines)
    guard !value.isEmpty, value.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
    self.value = value
  }

  /// Never the secret.
  public var description: String { "(a token)" }
  /// Never the secret.
  public var debugDescription: String { description }
  /// Never the secret.
  public var customMirror: Mirror { Mirror(self, children: []) }
}

/// Where the hub and the caches are and how patient to be, from the environment variables that huggingface_hub and
/// LeRobot know.
public struct HubSettings: Sendable {
  /// The hub's address without a slash at its end (`HF_ENDPOINT`).
  public var endpoint: String
  /// The folder of models (`HF_HUB_CACHE`, `TRANSFORMERS_CACHE`, `HF_HOME/hub`, `~/.cache/huggingface/hub`).
  public var modelCache: URL
  /// The folder of datasets: as that of models, without `TRANSFORMERS_CACHE`.
  public var datasetCache: URL
  /// LeRobot's folder of datasets (`HF_LEROBOT_HOME`, `HF_HOME/lerobot`).
  public var lerobotHome: URL
  /// `HF_TOKEN`, else what the file `HF_TOKEN_PATH` or `HF_HOME/token` holds.
  public var token: HubToken?
  /// `HF_HUB_OFFLINE` is 1, ON, YES or TRUE: nothing is asked of anybody.
  public var isOffline: Bool
  /// Seconds without a byte after which a request is given up (`HF_HUB_DOWNLOAD_TIMEOUT`), a day at most.
  public var stallSeconds: Int
  /// Seconds in which an answer of the hub's API must be whole.
  public var documentSeconds = 600
  /// How often a request is made before it is given up.
  public var attempts = 5
  /// Seconds before the second attempt; they double from one to the next.
  public var pause = 0.5
  /// A file of trusted certificates instead of the system's (`REQUESTS_CA_BUNDLE`, `CURL_CA_BUNDLE`, `SSL_CERT_FILE`).
  public var certificates: String?

  public init(environment: [String: String] = ProcessInfo.processInfo.environment) {
    func text(_ names: String...) -> String? {
      for name in names { if let value = environment[name], !value.isEmpty { return value } }
      return nil
    }
    func isTrue(_ names: String...) -> Bool {
      ["1", "ON", "YES", "TRUE"].contains(names.compactMap { text($0) }.first?.uppercased())
    }
    let user = text("HOME") ?? NSHomeDirectory()
    func folder(_ name: String) -> URL? {
      text(name).map { path in
        let whole = path == "~" || path.hasPrefix("~/") ? user + path.dropFirst() : path
        return URL(fileURLWithPath: whole, isDirectory: true)
      }
    }
    let caches =
      folder("XDG_CACHE_HOME") ?? URL(fileURLWithPath: user, isDirectory: true).appendingPathComponent(".cache")
    let home = folder("HF_HOME") ?? caches.appendingPathComponent("huggingface", isDirectory: true)
    let common = folder("HF_HUB_CACHE") ?? folder("HUGGINGFACE_HUB_CACHE")
    let fallback = home.appendingPathComponent("hub", isDirectory: true)
    modelCache = common ?? folder("TRANSFORMERS_CACHE") ?? fallback
    datasetCache = common ?? fallback
    lerobotHome = folder("HF_LEROBOT_HOME") ?? home.appendingPathComponent("lerobot", isDirectory: true)
    var address = text("HF_ENDPOINT") ?? "https://huggingface.co"
    while address.hasSuffix("/") { address.removeLast() }
    endpoint = address
    isOffline = isTrue("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
    stallSeconds = text("HF_HUB_DOWNLOAD_TIMEOUT").flatMap { Int($0) }.map { min(max(1, $0), 86_400) } ?? 10
    certificates = text("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
    let file = folder("HF_TOKEN_PATH") ?? home.appendingPathComponent("token")
    token = text("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN").flatMap(HubToken.init)
    if token == nil, let text = try? String(contentsOf: file, encoding: .utf8) { token = HubToken(text) }
  }

  /// The cache that a kind of repository lies in.
  public func cache(of kind: HubRepository.Kind) -> URL { kind == .model ? modelCache : datasetCache }
}
