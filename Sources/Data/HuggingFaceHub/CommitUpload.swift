import Foundation
import ModelFiles

/// One commit's way to the hub: small files inside the commit, large ones before it by git's large-file protocol.
struct CommitUpload {
  /// How the hub wants a file.
  enum Mode { case small, large, ignored }

  private let repository: HubRepository
  private let settings: HubSettings
  private let connection: HubConnection
  private let subject: HubSubject
  /// Seconds for the hub to think before it answers.
  private static let patience = 120

  init(_ repository: HubRepository, _ settings: HubSettings) throws(HubError) {
    self.repository = repository
    self.settings = settings
    connection = try HubConnection(settings)
    subject = HubSubject(repository: repository, revision: "main")
  }

  private func post(_ path: String, _ body: JSON, type: String = "application/json") throws(HubError) -> JSON {
    let address = path.hasPrefix("http") ? path : settings.endpoint + path
    var request = HTTPRequest(method: "POST", address: address, body: .bytes(Array(body.text(.line).utf8)))
    request.headers = [("Content-Type", type), ("Accept", type)]
    request.patience = Self.patience
    return try connection.retrying { () throws(HubError) in
      try connection.json(request, about: subject, allowsNothing: true)
    }
  }

  func makeRepository(isPrivate: Bool?) throws(HubError) {
    let words = repository.name.split(separator: "/").map(String.init)
    guard words.count == 2 else { throw HubError("expected OWNER/NAME to upload to, found \"\(repository.name)\"") }
    var body: [(String, JSON)] = [("name", .string(words[1])), ("organization", .string(words[0]))]
    if repository.kind != .model { body.append(("type", .string(repository.kind.rawValue))) }
    if let isPrivate { body.append(("private", .bool(isPrivate))) }
    do throws(HubError) {
      _ = try post("/api/repos/create", .object(.init(uniqueKeysWithValues: body)))
    } catch {
      guard error.kind == .exists else { throw error }
    }
  }

  func tag(_ name: String) throws(HubError) {
    guard HubRepository.isRevision(name), !name.contains("/") else {
      throw HubError("expected a tag of letters, digits, `-`, `_` and `.` for \(repository), found \"\(name)\"")
    }
    do throws(HubError) { _ = try post("\(repository.apiPath)/tag/main", ["tag": .string(name)]) } catch {
      guard error.kind == .exists else { throw error }
    }
  }

  func modes(of parts: [UploadPart]) throws(HubError) -> [String: Mode] {
    var modes: [String: Mode] = [:]
    for start in stride(from: 0, to: parts.count, by: 256) {
      let some = parts[start..<min(start + 256, parts.count)]
      let files = some.map { part -> JSON in
        [
          "path": .string(part.file.path), "sample": .string(Data(part.sample).base64EncodedString()),
          "size": .integer(part.size),
        ]
      }
      let answer = try post("\(repository.apiPath)/preupload/main", ["files": .array(files)])
      for entry in answer["files"]?.array ?? [] {
        guard let path = entry["path"]?.string else { continue }
        let isLarge = entry["uploadMode"]?.string == "lfs"
        modes[path] = entry["shouldIgnore"]?.bool == true ? .ignored : isLarge ? .large : .small
      }
    }
    // An empty file has no place among the large ones.
    for part in parts where part.size == 0 && modes[part.file.path] == .large { modes[part.file.path] = .small }
    if let unknown = parts.first(where: { modes[$0.file.path] == nil }) {
      throw HubError("\(settings.endpoint) does not say how it wants \(unknown.file.path) of \(repository)", .damaged)
    }
    return modes
  }

  /// Brings large files to where the hub wants them; what it has already is not sent.
  func store(_ parts: [UploadPart]) throws(HubError) {
    guard !parts.isEmpty else { return }
    let objects = parts.map { part -> JSON in ["oid": .string(part.sha256), "size": .integer(part.size)] }
    let answer = try post(
      "\(repository.path).git/info/lfs/objects/batch",
      [
        "operation": "upload", "transfers": ["basic", "multipart"], "objects": .array(objects), "hash_algo": "sha256",
        "ref": ["name": "main"],
      ], type: "application/vnd.git-lfs+json")
    let total = parts.reduce(0) { $0 + $1.size }
    let progress = HubProgress.observer?.start("uploading \(repository)", total)
    defer { progress?(nil) }
    var done = 0
    for object in answer["objects"]?.array ?? [] {
      guard let part = parts.first(where: { $0.sha256 == object["oid"]?.string }) else { continue }
      if let problem = object["error"]?["message"]?.string {
        throw HubError("\(settings.endpoint) does not take \(part.file.path) for \(repository): \(problem.prefix(200))")
      }
      if let action = object["actions"]?["upload"] {
        try send(part, as: action) { progress?(done + $0) }
        if let verify = object["actions"]?["verify"]?["href"]?.string {
          _ = try post(verify, ["oid": .string(part.sha256), "size": .integer(part.size)])
        }
      }
      done += part.size
      progress?(done)
    }
  }

  private func send(_ part: UploadPart, as action: JSON, sent: @escaping (Int) -> Void) throws(HubError) {
    guard let address = action["href"]?.string else {
      throw HubError("\(settings.endpoint) does not say where to upload \(part.file.path) of \(repository)", .damaged)
    }
    let header = action["header"]?.object ?? [:]
    guard let chunk = header["chunk_size"].flatMap({ $0.integer ?? $0.string.flatMap { Int($0) } }) else {
      _ = try put(part.body(), to: address, sent: sent)
      return
    }
    let addresses = header.compactMap { key, value in
      Int(key).flatMap { number in value.string.map { (number: number, address: $0) } }
    }.sorted { $0.number < $1.number }
    guard chunk > 0, addresses.count == (part.size + chunk - 1) / chunk else {
      throw HubError(
        "\(settings.endpoint) wants \(part.file.path) of \(repository) in \(addresses.count) parts of \(chunk) bytes, which "
          + "do not make its \(part.size)", .damaged)
    }
    var parts: [JSON] = []
    for (index, place) in addresses.enumerated() {
      let head = try put(part.body(from: index * chunk, count: chunk), to: place.address) { sent(index * chunk + $0) }
      guard let etag = head.headers["etag"], !etag.isEmpty else {
        throw HubError("the store did not confirm part \(index + 1) of \(part.file.path)", .damaged)
      }
      parts.append(["partNumber": .integer(index + 1), "etag": .string(etag)])
    }
    let account: JSON = ["oid": .string(part.sha256), "parts": .array(parts)]
    _ = try post(address, account, type: "application/vnd.git-lfs+json")
  }

  private func put(
    _ body: HTTPRequest.Body, to address: String, sent: @escaping (Int) -> Void
  ) throws(HubError) -> HTTPHead {
    var request = HTTPRequest(method: "PUT", address: address, body: body)
    request.patience = Self.patience
    request.sent = sent
    return try connection.retrying { () throws(HubError) in
      try connection.send(request, about: subject) { _, _ in }
    }
  }

  func commit(_ parts: [UploadPart], _ modes: [String: Mode], summary: String) throws(HubError) {
    var lines: [JSON] = [["key": "header", "value": ["summary": .string(summary), "description": ""]]]
    for part in parts {
      let path = JSON.string(part.file.path)
      if modes[part.file.path] == .large {
        lines.append([
          "key": "lfsFile",
          "value": ["path": path, "algo": "sha256", "oid": .string(part.sha256), "size": .integer(part.size)],
        ])
      } else {
        let content = JSON.string(try part.base64())
        lines.append(["key": "file", "value": ["content": content, "path": path, "encoding": "base64"]])
      }
    }
    let body = lines.map { $0.text(.line) + "\n" }.joined()
    var request = HTTPRequest(method: "POST", address: settings.endpoint + "\(repository.apiPath)/commit/main")
    request.headers = [("Content-Type", "application/x-ndjson")]
    request.body = .bytes(Array(body.utf8))
    request.patience = Self.patience
    let answer = try connection.retrying { () throws(HubError) in try connection.json(request, about: subject) }
    guard answer["commitOid"]?.string != nil || answer["commitUrl"]?.string != nil else {
      throw HubError("\(settings.endpoint) did not confirm the commit to \(repository)", .damaged)
    }
  }
}
