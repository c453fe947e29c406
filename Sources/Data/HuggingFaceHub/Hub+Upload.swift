import Crypto
import Foundation
import ModelFiles

/// A file on its way to the hub.
public struct HubUpload: Sendable {
  /// What it is made of.
  public enum Content: Sendable {
    /// These bytes.
    case bytes([UInt8])
    /// A file's bytes.
    case file(URL)
  }

  public let path: String
  public let content: Content

  public init(_ path: String, _ content: Content) {
    self.path = path
    self.content = content
  }

  /// All files below a folder, hidden ones left out, by their paths in it.
  public static func files(in folder: URL) -> [HubUpload] {
    let paths = (FileManager.default.enumerator(atPath: folder.path) ?? .init()).compactMap { $0 as? String }
    return paths.sorted().compactMap { path in
      var isFolder: ObjCBool = false
      let file = folder.appendingPathComponent(path)
      guard !path.split(separator: "/").contains(where: { $0.hasPrefix(".") }),
        FileManager.default.fileExists(atPath: file.path, isDirectory: &isFolder), !isFolder.boolValue
      else { return nil }
      return HubUpload(path, .file(file))
    }
  }
}

extension Hub {
  /// Checks that an upload could be made later: that there is a token which the hub knows and which may write.
  public func checkUpload(to repository: HubRepository) throws(HubError) {
    guard !settings.isOffline else {
      throw HubError("nothing can be uploaded to \(repository) while HF_HUB_OFFLINE is set; unset it")
    }
    guard settings.token != nil else {
      throw HubError("uploading to \(repository) needs a token that may write there; set HF_TOKEN", .refused)
    }
    let answer = try HubConnection(settings).json("/api/whoami-v2", about: HubSubject(repository: repository))
    guard answer["auth"]?["accessToken"]?["role"]?.string != "read" else {
      throw HubError(
        "the token in HF_TOKEN may only read; uploading to \(repository) needs one that may write", .refused)
    }
  }

  /// Uploads files to a repository as one commit on `main`; makes the repository if there is none.
  ///
  /// - Parameters:
  ///   - isPrivate: whether a new repository is private; nil leaves it to the owner's settings.
  ///   - summary: the commit's message.
  /// - Returns: the repository's address.
  public func upload(
    _ files: [HubUpload], to repository: HubRepository, isPrivate: Bool? = nil, summary: String
  ) throws(HubError) -> String {
    let upload = try CommitUpload(repository, settings)
    try upload.makeRepository(isPrivate: isPrivate)
    let parts = try files.map { file throws(HubError) in try UploadPart(file) }
    let modes = try upload.modes(of: parts)
    let large = parts.filter { modes[$0.file.path] == .large }
    try upload.store(large)
    try upload.commit(parts.filter { modes[$0.file.path] != .ignored }, modes, summary: summary)
    return settings.endpoint + repository.path
  }
}

extension Hub {
  /// Names the newest commit on `main`, unless the name is taken.
  public func tag(_ repository: HubRepository, _ name: String) throws(HubError) {
    try CommitUpload(repository, settings).tag(name)
  }
}

/// A file with what the hub wants to know of it beforehand.
struct UploadPart {
  let file: HubUpload
  let size: Int
  let sha256: String
  /// The first bytes, from which the hub tells texts from others.
  let sample: [UInt8]

  init(_ file: HubUpload) throws(HubError) {
    self.file = file
    switch file.content {
    case .bytes(let bytes):
      size = bytes.count
      sha256 = SHA256.hash(data: bytes).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
      sample = Array(bytes.prefix(512))
    case .file(let url):
      let mapped = try translated { try MappedFile(url) }
      size = mapped.count
      sha256 = mapped.sha256
      sample = try translated { try mapped.withBytes(in: 0..<min(512, mapped.count)) { Array($0) } }
    }
  }

  /// Some of the bytes, as a request's body.
  func body(from offset: Int = 0, count: Int? = nil) -> HTTPRequest.Body {
    let count = min(count ?? size, size - offset)
    return switch file.content {
    case .bytes(let bytes): .bytes(Array(bytes[offset..<offset + count]))
    case .file(let url): .file(url, offset: offset, count: count)
    }
  }

  func base64() throws(HubError) -> String {
    switch file.content {
    case .bytes(let bytes): Data(bytes).base64EncodedString()
    case .file(let url): try translated { Data(try MappedFile(url).contents).base64EncodedString() }
    }
  }
}
