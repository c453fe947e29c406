import Foundation
import ModelFiles
import OrderedCollections

/// The addresses that the hub answers to, as huggingface_hub 0.35 uses them.
extension LoopbackHub {
  func answer(_ request: ServerRequest, isStore: Bool) -> ServerResponse {
    let fault = state.withLock { state -> Fault? in
      var line = "\(request.method) \(isStore ? "store" : "")\(request.path)"
      if let range = request.headers["range"] { line += " range=\(range)" }
      if request.headers["authorization"] != nil { line += " token" }
      state.requests.append(line)
      let found = state.faults.firstIndex { fault in
        guard fault.times > 0, request.path.hasSuffix(fault.path) else { return false }
        // A small answer that redirects to the store has no body to spoil.
        return !fault.fault.damagesBody || (request.method == "GET" && (isStore || !Self.redirects(request.path)))
      }
      guard let found else { return nil }
      if state.faults[found].times < .max { state.faults[found].times -= 1 }
      return state.faults[found].fault
    }
    var request = request
    if case .noRanges = fault { request.headers["range"] = nil }
    let answer = isStore ? storeAnswer(request) : hubAnswer(request)
    return fault.map { answer.damaged($0, address: isStore ? storeEndpoint + request.path : endpoint + request.path) }
      ?? answer
  }

  private static func redirects(_ path: String) -> Bool {
    path.contains("/resolve/") && HostedFile.goesToLargeStore(path)
  }

  private func hubAnswer(_ request: ServerRequest) -> ServerResponse {
    if let given = request.headers["authorization"], let token, given != "Bearer \(token)" {
      return .failure(401, nil, "Invalid credentials in Authorization header")
    }
    var parts = request.path.split(separator: "/").map(String.init)
    if parts == ["api", "whoami-v2"] {
      guard token == nil || request.headers["authorization"] != nil else { return .failure(401, nil, "Unauthorized") }
      return .json([
        "type": "user", "name": "user", "auth": ["type": "access_token", "accessToken": ["role": "write"]],
      ])
    }
    if request.method == "POST" || request.method == "PUT" { return uploadAnswer(request, parts) }
    let isAPI = parts.first == "api"
    if isAPI { parts.removeFirst() }
    var kind = Kind.model
    if parts.first == "datasets" || parts.first == "models" {
      kind = parts.removeFirst() == "datasets" ? .dataset : .model
    }
    guard parts.count >= 2 else { return .failure(404, nil, "Not found") }
    let name = parts[0] + "/" + parts[1]
    let rest = Array(parts.dropFirst(2))
    let found = state.withLock { ($0.repositories["\(kind.rawValue)s/\(name)"], $0.listsDetails) }
    let hasToken = token == nil || request.headers["authorization"] != nil
    guard let repository = found.0, !repository.isPrivate || hasToken else {
      // The real hub does not tell strangers whether a repository exists.
      return .failure(hasToken ? 404 : 401, "RepoNotFound", "Repository not found")
    }
    if isAPI {
      if rest.first == "refs" { return .json(Self.references(repository)) }
      let revision =
        ["revision", "tree"].contains(rest.first) && rest.count > 1 ? rest[1...].joined(separator: "/") : "main"
      guard let commit = repository.commit(of: revision) else {
        // No folder of a repository is listed by itself.
        let isFolder = rest.first == "tree" && rest.count > 2 && repository.commit(of: rest[1]) != nil
        return isFolder
          ? .failure(404, "EntryNotFound", "Entry not found")
          : .failure(404, "RevisionNotFound", "Invalid rev id: \(revision)")
      }
      // huggingface_hub 1 asks for nothing but pages.
      if rest.first == "tree" {
        return page(of: repository.commits[commit] ?? [:], request, state.withLock(\.pageSize) ?? 1000)
      }
      let listsDetails = found.1 && request.query["blobs"] != nil
      guard state.withLock(\.pageSize) != nil else {
        return .json(Self.listing(name, repository, commit, details: listsDetails))
      }
      return .json(["id": .string(name), "sha": .string(commit), "siblings": []])
    }
    guard rest.count > 2, rest[0] == "resolve" else { return .failure(404, nil, "Not found") }
    if repository.isGated, !hasToken {
      return .failure(401, "GatedRepo", "Access to model \(name) is restricted. You must be authenticated.")
    }
    guard let commit = repository.commit(of: rest[1]) else {
      return .failure(404, "RevisionNotFound", "Invalid rev id: \(rest[1])")
    }
    let path = rest[2...].joined(separator: "/")
    guard let file = repository.commits[commit]?[path] else {
      var answer = ServerResponse.failure(404, "EntryNotFound", "Entry not found")
      answer.headers.append(("X-Repo-Commit", commit))
      return answer
    }
    return content(of: file, path, commit, request)
  }

  private func content(
    of file: HostedFile, _ path: String, _ commit: String, _ request: ServerRequest
  ) -> ServerResponse {
    guard file.isLarge else {
      var answer = ServerResponse.bytes(file.content, request)
      answer.headers += [("X-Repo-Commit", commit), ("ETag", "\"\(file.blob)\"")]
      return answer
    }
    let last = URL(fileURLWithPath: path).lastPathComponent
    let escaped = last.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? last
    return ServerResponse(
      status: 302,
      headers: [
        ("Location", "\(storeEndpoint)/objects/\(file.sha256)/\(escaped)"), ("X-Repo-Commit", commit),
        ("X-Linked-Etag", "\"\(file.sha256)\""), ("X-Linked-Size", "\(file.content.count)"),
      ])
  }

  private func page(of files: [String: HostedFile], _ request: ServerRequest, _ size: Int) -> ServerResponse {
    let start = request.query["cursor"].flatMap { Int($0) } ?? 0
    let sorted = files.sorted { $0.key < $1.key }
    let entries = sorted[min(start, sorted.count)..<min(start + size, sorted.count)].map { path, file -> JSON in
      var entry: OrderedDictionary<String, JSON> = [
        "type": "file", "path": .string(path), "size": .integer(file.content.count), "oid": .string(file.blob),
      ]
      if file.isLarge {
        entry["lfs"] = ["oid": .string(file.sha256), "size": .integer(file.content.count), "pointerSize": 130]
      }
      return .object(entry)
    }
    var answer = ServerResponse.json(
      .array([["type": "directory", "path": "folder", "size": 0, "oid": "0"]] + entries))
    if start + size < sorted.count {
      let next = "<\(endpoint)\(request.path)?recursive=true&cursor=\(start + size)>; rel=\"next\""
      answer.headers.append(("Link", next))
    }
    return answer
  }

  private func storeAnswer(_ request: ServerRequest) -> ServerResponse {
    let parts = request.path.split(separator: "/").map(String.init)
    if request.method != "GET", request.method != "HEAD" { return storeUploadAnswer(request, parts) }
    guard parts.count >= 2, parts[0] == "objects", let content = state.withLock({ $0.store[parts[1]] }) else {
      return .failure(404, nil, "no such object")
    }
    var answer = ServerResponse.bytes(content, request)
    // A store's own name for the object, which is not the hub's.
    answer.headers.append(("ETag", "\"store-\(parts[1].prefix(8))\""))
    return answer
  }

  private static func references(_ repository: HostedRepository) -> JSON {
    func entries(_ names: [String: String], _ folder: String) -> JSON {
      .array(
        names.sorted { $0.key < $1.key }.map {
          [
            "name": .string($0.key), "ref": .string("refs/\(folder)/\($0.key)"), "targetCommit": .string($0.value),
          ]
        })
    }
    return [
      "branches": entries(repository.branches, "heads"), "tags": entries(repository.tags, "tags"), "converts": [],
    ]
  }

  private static func listing(
    _ name: String, _ repository: HostedRepository, _ commit: String, details: Bool
  ) -> JSON {
    let files = (repository.commits[commit] ?? [:]).sorted { $0.key < $1.key }
    let siblings = files.map { path, file -> JSON in
      var entry: OrderedDictionary<String, JSON> = ["rfilename": .string(path)]
      if details {
        entry["size"] = .integer(file.content.count)
        entry["blobId"] = .string(file.blob)
        if file.isLarge {
          entry["lfs"] = [
            "sha256": .string(file.sha256), "size": .integer(file.content.count), "pointerSize": 134,
          ]
        }
      }
      return .object(entry)
    }
    return [
      "_id": "0", "id": .string(name), "sha": .string(commit), "private": .bool(repository.isPrivate),
      "gated": repository.isGated ? "manual" : false, "disabled": false, "downloads": 0, "likes": 0, "tags": [],
      "siblings": .array(siblings),
    ]
  }
}

extension LoopbackHub.Fault {
  fileprivate var damagesBody: Bool {
    switch self {
    case .cut, .wrongByte, .stall, .trickle, .longer, .noRanges: true
    case .status, .redirectLoop, .redirect, .body, .garbage: false
    }
  }
}

extension ServerResponse {
  static func json(_ json: JSON, status: Int = 200) -> ServerResponse {
    ServerResponse(
      status: status, headers: [("Content-Type", "application/json; charset=utf-8")], body: Data(json.text(.line).utf8))
  }

  static func failure(_ status: Int, _ code: String?, _ message: String) -> ServerResponse {
    var answer = json(["error": .string(message)], status: status)
    if let code { answer.headers.append(("X-Error-Code", code)) }
    answer.headers.append(("X-Error-Message", message))
    return answer
  }

  /// Content, or the range of it that was asked for.
  static func bytes(_ content: Data, _ request: ServerRequest) -> ServerResponse {
    var answer = ServerResponse(headers: [("Accept-Ranges", "bytes")], body: content)
    guard let range = request.headers["range"], range.hasPrefix("bytes=") else { return answer }
    let ends = range.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
    let first = ends.first.flatMap { Int($0) } ?? 0
    let last = min(ends.count > 1 ? Int(ends[1]) ?? .max : .max, content.count - 1)
    guard first <= last else {
      answer.status = 416
      answer.body = Data()
      answer.headers.append(("Content-Range", "bytes */\(content.count)"))
      return answer
    }
    answer.status = 206
    answer.body = Data(content[content.startIndex + first...content.startIndex + last])
    answer.headers.append(("Content-Range", "bytes \(first)-\(last)/\(content.count)"))
    return answer
  }

  func damaged(_ fault: LoopbackHub.Fault, address: String) -> ServerResponse {
    var answer = self
    switch fault {
    case .status(let status, let code, let retryAfter):
      answer = .failure(status, code, "made on request")
      if let retryAfter { answer.headers.append(("Retry-After", retryAfter)) }
    case .cut(let count): answer.delivery = .cut(count)
    case .stall(let count, let seconds): answer.delivery = .stalled(count, seconds: seconds)
    case .trickle: answer.delivery = .trickled
    case .garbage: answer.delivery = .garbled
    case .wrongByte: if !body.isEmpty { answer.body[answer.body.startIndex + body.count / 2] ^= 0x55 }
    case .redirectLoop: answer = ServerResponse(status: 302, headers: [("Location", address)])
    case .redirect(let target): answer = ServerResponse(status: 302, headers: [("Location", target)])
    case .body(let text): answer.body = Data(text.utf8)
    case .longer(let count): answer.body.append(Data(count: count))
    case .noRanges: break
    }
    return answer
  }
}
