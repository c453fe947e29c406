import Foundation
import ModelFiles

/// What a request is about, for its errors.
struct HubSubject: Sendable {
  var repository: HubRepository
  var revision: String?
  var file: String?
}

/// A thread's connection to the hub: follows redirects, gives the token to the hub alone, tries again where it helps.
final class HubConnection {
  let settings: HubSettings
  private let client: HTTPClient
  private let home: Origin
  private let observer: HubProgress.Observer?

  /// - Parameter observer: is told of pauses; threads of their own do not know the task's.
  init(_ settings: HubSettings, observer: HubProgress.Observer? = HubProgress.observer) throws(HubError) {
    guard let url = URL(string: settings.endpoint), let home = Origin(url) else {
      throw HubError(
        "expected an address such as https://huggingface.co in HF_ENDPOINT, found \"\(settings.endpoint)\"")
    }
    self.settings = settings
    self.home = home
    self.observer = observer
    client = try HTTPClient(settings)
  }

  /// Sends a request and follows redirects; a failure's status becomes an error.
  ///
  /// - Parameters:
  ///   - followsElsewhere: whether a redirect to another address than a path of the same host is followed, or returned.
  ///   - receive: takes the body of an answer that is a success.
  func send(
    _ request: HTTPRequest, about subject: HubSubject, followsElsewhere: Bool = true,
    receive: (HTTPHead, UnsafeRawBufferPointer) throws(HubError) -> Void
  ) throws(HubError) -> HTTPHead {
    var request = request
    let headers = request.headers
    for _ in 0..<10 {
      guard let url = URL(string: request.address), let origin = Origin(url) else {
        throw HubError("the hub redirects to \"\(request.address)\", which is no web address")
      }
      request.headers = headers
      if origin == home, let token = settings.token {
        request.headers.append(("Authorization", "Bearer \(token.value)"))
      }
      var complaint: [UInt8] = []
      let head: HTTPHead
      do throws(HubError) {
        head = try client.send(request) { head, bytes throws(HubError) in
          if (200..<300).contains(head.status) {
            try receive(head, bytes)
          } else if complaint.count < 1 << 14 {
            complaint += bytes.prefix(1 << 14)
          }
        }
      } catch {
        guard error.kind == .absent || error.kind == .unreachable(retryAfter: nil) else { throw error }
        let what = "\(subject.repository)" + (subject.file.map { "'s \($0)" } ?? "")
        throw HubError("\(what) is out of reach: \(error)", error.kind)
      }
      guard [301, 302, 303, 307, 308].contains(head.status) else {
        guard (200..<300).contains(head.status) else { throw failure(head, complaint, subject) }
        return head
      }
      guard let location = head.headers["location"], let next = URL(string: location, relativeTo: url)?.absoluteURL
      else {
        throw HubError("\(home) redirects \(subject.repository) to nowhere")
      }
      if !followsElsewhere, Origin(next) != origin { return head }
      guard url.scheme != "https" || next.scheme == "https" else {
        throw HubError("\(origin) redirects to \(next.host ?? "a host") without encryption, which is refused")
      }
      request.address = next.absoluteString
    }
    throw HubError("\(home) redirects in a circle for \(subject.file ?? subject.repository.description)", .damaged)
  }

  /// A JSON document of the API.
  func json(_ path: String, about subject: HubSubject, limit: Int = 1 << 26) throws(HubError) -> JSON {
    let request = HTTPRequest(address: settings.endpoint + path)
    return try retrying { () throws(HubError) in try json(request, about: subject, limit: limit) }
  }

  /// A JSON answer to any request, asked once.
  ///
  /// - Parameter allowsNothing: whether an answer without a body is `null`.
  func json(
    _ request: HTTPRequest, about subject: HubSubject, limit: Int = 1 << 26, allowsNothing: Bool = false
  ) throws(HubError) -> JSON {
    try document(request, about: subject, limit: limit, allowsNothing: allowsNothing).json
  }

  /// A page of a list, and the address of the next one, if there is one.
  func page(_ address: String, about subject: HubSubject) throws(HubError) -> (json: JSON, next: String?) {
    let (json, head) = try retrying { () throws(HubError) in
      try document(HTTPRequest(address: address), about: subject, limit: 1 << 24, allowsNothing: false)
    }
    let link = (head.headers["link"] ?? "").components(separatedBy: ",").first { $0.contains("rel=\"next\"") }
    guard let link, let start = link.firstIndex(of: "<"), let end = link.firstIndex(of: ">"), start < end else {
      return (json, nil)
    }
    let next = String(link[link.index(after: start)..<end])
    guard let url = URL(string: next), Origin(url) == home else {
      throw HubError(
        "\(home) continues with its list of \(subject.repository) elsewhere (\(next)), which is refused", .damaged)
    }
    return (json, next)
  }

  private func document(
    _ request: HTTPRequest, about subject: HubSubject, limit: Int, allowsNothing: Bool
  ) throws(HubError) -> (json: JSON, head: HTTPHead) {
    var bytes: [UInt8] = []
    let start = ContinuousClock.now
    let head = try send(request, about: subject) { _, piece throws(HubError) in
      bytes += piece
      // A server that sends just enough not to be slow would hold the program for days.
      guard start.duration(to: .now) < .seconds(self.settings.documentSeconds) else {
        throw HubError(
          "\(self.home) has not answered for \(subject.repository) in \(self.settings.documentSeconds) s; try again later"
        )
      }
      guard bytes.count <= limit else {
        throw HubError("\(self.home) answers for \(subject.repository) with more than \(limit) bytes, which is refused")
      }
    }
    if allowsNothing, bytes.allSatisfy({ $0 <= UInt8(ascii: " ") }) { return (.null, head) }
    do { return (try JSON(parsing: bytes), head) } catch {
      throw HubError("\(home) answers for \(subject.repository) with something that is no JSON (\(error))", .damaged)
    }
  }

  /// Runs a request, and again after a pause while another try may help.
  func retrying<Value>(_ body: () throws(HubError) -> Value) throws(HubError) -> Value {
    for failures in 1..<max(1, settings.attempts) {
      do { return try body() } catch {
        guard let pause = pause(after: error, failures: failures) else { throw error }
        rest(pause, after: error)
      }
    }
    return try body()
  }

  /// Waits before the next try, and says so unless it is short.
  func rest(_ seconds: Double, after error: HubError) {
    if seconds >= 1 { observer?.wait("\(error); asked again in \(Int(seconds.rounded())) s") }
    Thread.sleep(forTimeInterval: seconds)
  }

  /// Seconds to wait before the next try; nil where none helps.
  func pause(after error: HubError, failures: Int) -> Double? {
    let pause = settings.pause * Double(1 << min(failures - 1, 10))
    return switch error.kind {
    case .unreachable(let retryAfter): min(max(retryAfter ?? pause, 0), 60)
    // A name server may blink; a network that is not there does not come.
    case .absent: failures == 1 ? pause : nil
    default: nil
    }
  }

  private func failure(_ head: HTTPHead, _ body: [UInt8], _ subject: HubSubject) -> HubError {
    let repository = subject.repository
    let code = head.headers["x-error-code"]
    let hasToken = settings.token != nil
    let page = settings.endpoint + repository.path
    switch (head.status, code) {
    case (401, "GatedRepo"), (403, "GatedRepo"):
      return HubError(
        "\(repository) is gated: accept its terms at \(page) and give a token of that account in HF_TOKEN", .refused)
    case (401, "RepoNotFound") where !hasToken:
      return HubError(
        "\(settings.endpoint) has no \(repository) that anybody may read; check the name, or set HF_TOKEN if it is private",
        .refused)
    case (401, _):
      return HubError(
        hasToken
          ? "\(settings.endpoint) does not accept the token for \(repository); check HF_TOKEN"
          : "\(settings.endpoint) wants a token for \(repository); set HF_TOKEN", .refused)
    case (403, _):
      return HubError(
        "\(settings.endpoint) forbids this for \(repository)\(complaint(body)); check what the token in HF_TOKEN may do",
        .refused)
    case (404, "RevisionNotFound"):
      return HubError("\(repository) has no revision \(subject.revision ?? "main")", .missing)
    case (404, _) where subject.file != nil && code != "RepoNotFound":
      return HubError("\(repository) has no file \(subject.file ?? "")", .missing)
    case (404, _):
      return HubError(
        "\(settings.endpoint) has no \(repository); check the name"
          + (hasToken ? "" : ", or set HF_TOKEN if it is private"),
        .missing)
    case (409, _): return HubError("\(settings.endpoint) has \(repository) already", .exists)
    case (416, _):
      return HubError(
        "\(repository)'s \(subject.file ?? "") does not continue where the part of it here ends", .damaged)
    case (408, _), (429, _), (500..., _):
      let retryAfter = head.headers["retry-after"].flatMap { Double($0) }.flatMap { $0.isFinite ? $0 : nil }
      return HubError(
        head.status == 429
          ? "\(settings.endpoint) has had too many requests (429); try again later"
          : "\(settings.endpoint) cannot answer for \(repository) (\(head.status)); try again later",
        .unreachable(retryAfter: retryAfter))
    default:
      return HubError("\(settings.endpoint) answers \(head.status) for \(repository)\(complaint(body))")
    }
  }

  /// The hub's own words, made fit for one line.
  private func complaint(_ body: [UInt8]) -> String {
    guard let text = (try? JSON(parsing: body))?["error"]?.string else { return "" }
    let line = text.split(whereSeparator: \.isNewline).joined(separator: " ").filter { $0 >= " " }.prefix(200)
    return line.isEmpty ? "" : ": \(line)"
  }
}

/// Who answers at an address.
struct Origin: Equatable, CustomStringConvertible {
  let scheme: String, host: String, port: Int

  init?(_ url: URL) {
    guard let scheme = url.scheme?.lowercased(), scheme == "http" || scheme == "https",
      let host = url.host?.lowercased(),
      !host.isEmpty
    else { return nil }
    self.scheme = scheme
    self.host = host
    port = url.port ?? (scheme == "https" ? 443 : 80)
  }

  var description: String { host }
}

/// A path as it stands in an address.
func escaped(_ path: String) -> String {
  path.addingPercentEncoding(withAllowedCharacters: .urlUnreserved) ?? path
}

extension CharacterSet {
  /// What stands in a path as it is.
  fileprivate static let urlUnreserved = CharacterSet(
    charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/")
}
