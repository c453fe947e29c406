import Foundation
import ModelFiles

/// The addresses that take uploads: repositories made, large files through the LFS protocol, commits as NDJSON.
extension LoopbackHub {
  func uploadAnswer(_ request: ServerRequest, _ parts: [String]) -> ServerResponse {
    guard token == nil || request.headers["authorization"] != nil else {
      return .failure(401, nil, "Invalid username or password.")
    }
    if parts == ["api", "repos", "create"] { return create(request.json) }
    if parts == ["api", "validate-yaml"] { return validateCard(request.json) }
    if parts.count >= 6, Array(parts.suffix(4)) == ["info", "lfs", "objects", "batch"] { return batch(request.json) }
    if parts.first == "verify" { return .json([:]) }
    guard parts.count == 6, parts[0] == "api", parts[1] == "models" || parts[1] == "datasets" else {
      return .failure(404, nil, "Not found")
    }
    let key = "\(parts[1])/\(parts[2])/\(parts[3])"
    guard let repository = state.withLock({ $0.repositories[key] }) else {
      return .failure(404, "RepoNotFound", "Repository not found")
    }
    guard repository.branches[parts[5]] != nil else { return .failure(404, "RevisionNotFound", "Invalid rev id") }
    switch parts[4] {
    case "preupload": return preupload(request.json)
    case "commit": return commit(request.body, key, branch: parts[5])
    case "tag": return tag(request.json, key, branch: parts[5])
    default: return .failure(404, nil, "Not found")
    }
  }

  private func create(_ json: JSON?) -> ServerResponse {
    guard let name = json?["name"]?.string, let owner = json?["organization"]?.string else {
      return .failure(400, nil, "a name and an organization are expected")
    }
    let kind = json?["type"]?.string ?? "model"
    return state.withLock { state in
      let key = "\(kind)s/\(owner)/\(name)"
      let address = JSON.string("\(endpoint)/\(owner)/\(name)")
      guard state.repositories[key] == nil else {
        return .json(["error": "You already created this repository", "url": address], status: 409)
      }
      var repository = HostedRepository()
      repository.isPrivate = json?["private"]?.bool ?? false
      _ = repository.add([".gitattributes": HostedFile(Data("*.safetensors filter=lfs\n".utf8), path: "")], to: "main")
      state.repositories[key] = repository
      return .json(["url": address, "name": .string("\(owner)/\(name)"), "id": "0"])
    }
  }

  /// Whether a card has metadata with a license; the hub knows far more about them.
  private func validateCard(_ json: JSON?) -> ServerResponse {
    let parts = (json?["content"]?.string ?? "").components(separatedBy: "---\n")
    guard parts.count >= 3, parts[0].isEmpty, parts[1].contains("license: ") else {
      return .json(["errors": [["message": "the card has no license"]], "warnings": []], status: 400)
    }
    return .json(["errors": [], "warnings": []])
  }

  private func preupload(_ json: JSON?) -> ServerResponse {
    let files = (json?["files"]?.array ?? []).compactMap { file -> JSON? in
      guard let path = file["path"]?.string, file["size"]?.integer != nil, file["sample"]?.string != nil else {
        return nil
      }
      let mode = HostedFile.goesToLargeStore(path) ? "lfs" : "regular"
      return ["path": .string(path), "uploadMode": .string(mode), "shouldIgnore": false, "oid": nil]
    }
    return .json(["files": .array(files)])
  }

  private func batch(_ json: JSON?) -> ServerResponse {
    let (store, partSize) = state.withLock { ($0.store, $0.partSize) }
    let objects = (json?["objects"]?.array ?? []).compactMap { object -> JSON? in
      guard let oid = object["oid"]?.string, let size = object["size"]?.integer else { return nil }
      if store[oid] != nil { return ["oid": .string(oid), "size": .integer(size)] }
      var upload: JSON = ["href": .string("\(storeEndpoint)/upload/\(oid)")]
      if let partSize {
        var header: [(String, JSON)] = [("chunk_size", .string("\(partSize)"))]
        for part in 1...max(1, (size + partSize - 1) / partSize) {
          header.append(("\(part)", .string("\(storeEndpoint)/part/\(oid)/\(part)")))
        }
        upload = [
          "href": .string("\(storeEndpoint)/complete/\(oid)"), "header": .object(.init(uniqueKeysWithValues: header)),
        ]
      }
      let verify: JSON = ["href": .string("\(endpoint)/verify/\(oid)")]
      return [
        "oid": .string(oid), "size": .integer(size), "actions": ["upload": upload, "verify": verify],
      ]
    }
    let transfer = partSize == nil ? "basic" : "multipart"
    return .json(["transfer": .string(transfer), "objects": .array(objects)])
  }

  private func commit(_ body: Data, _ key: String, branch: String) -> ServerResponse {
    state.withLock { state in
      guard var repository = state.repositories[key] else { return .failure(404, "RepoNotFound", "not found") }
      var files = repository.branches[branch].flatMap { repository.commits[$0] } ?? [:]
      for line in String(decoding: body, as: UTF8.self).split(separator: "\n") {
        guard let entry = try? JSON(parsing: Array(line.utf8)), let value = entry["value"] else {
          return .failure(400, nil, "a line is no JSON")
        }
        switch (entry["key"]?.string, value["path"]?.string) {
        case ("header", _): guard value["summary"]?.string != nil else { return .failure(400, nil, "no summary") }
        case ("file", let path?):
          guard let content = value["content"]?.string.flatMap({ Data(base64Encoded: $0) }) else {
            return .failure(400, nil, "no content")
          }
          files[path] = HostedFile(content, path: path)
        case ("lfsFile", let path?):
          guard let oid = value["oid"]?.string, let content = state.store[oid],
            content.count == value["size"]?.integer
          else { return .failure(400, nil, "\(path) was not uploaded") }
          files[path] = HostedFile(content, path: path)
        default: return .failure(400, nil, "an entry of another kind")
        }
      }
      let commit = repository.add(files, to: branch)
      state.repositories[key] = repository
      return .json([
        "success": true, "commitOid": .string(commit), "commitUrl": .string("\(endpoint)/\(key)/commit/\(commit)"),
        "hookOutput": "",
      ])
    }
  }

  private func tag(_ json: JSON?, _ key: String, branch: String) -> ServerResponse {
    guard let name = json?["tag"]?.string else { return .failure(400, nil, "a tag is expected") }
    return state.withLock { state in
      guard let commit = state.repositories[key]?.branches[branch] else {
        return .failure(404, "RevisionNotFound", "not found")
      }
      guard state.repositories[key]?.tags[name] == nil else {
        return .json(["error": "Tag reference exists already"], status: 409)
      }
      state.repositories[key]?.tags[name] = commit
      return .json(["name": .string(name)])
    }
  }

  func storeUploadAnswer(_ request: ServerRequest, _ parts: [String]) -> ServerResponse {
    guard parts.count >= 2, request.headers["authorization"] == nil else {
      return .failure(400, nil, "an upload's address is signed and takes no token")
    }
    return state.withLock { state in
      switch (request.method, parts[0]) {
      case ("PUT", "upload"):
        guard HostedFile(request.body, path: "").sha256 == parts[1] else { return .failure(400, nil, "another hash") }
        state.store[parts[1]] = request.body
        return ServerResponse()
      case ("PUT", "part"):
        let number = Int(parts.last ?? "") ?? 0
        state.parts[parts[1], default: [:]][number] = request.body
        return ServerResponse(headers: [("ETag", "\"part-\(number)\"")])
      case ("POST", "complete"):
        let named = request.json?["parts"]?.array?.compactMap { $0["partNumber"]?.integer } ?? []
        let content = named.reduce(into: Data()) { $0 += state.parts[parts[1]]?[$1] ?? Data() }
        guard HostedFile(content, path: "").sha256 == parts[1] else { return .failure(400, nil, "another hash") }
        state.store[parts[1]] = content
        return .json([:])
      default: return .failure(404, nil, "Not found")
      }
    }
  }
}

extension ServerRequest {
  var json: JSON? { try? JSON(parsing: Array(body)) }
}
