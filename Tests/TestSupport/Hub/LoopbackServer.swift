import Foundation
import Synchronization

/// What a client asked of a ``LoopbackServer``.
struct ServerRequest: Sendable {
  var method: String
  /// The path without its query, percent-decoded.
  var path: String
  var query: [String: String]
  /// By lower-case name.
  var headers: [String: String]
  var body: Data
}

/// What it is answered with.
struct ServerResponse: Sendable {
  /// How the body is sent, if not as it should be.
  enum Delivery: Sendable {
    case whole
    /// The connection is closed after so many bytes of the body.
    case cut(Int)
    /// Nothing follows for some seconds after so many bytes of the body.
    case stalled(Int, seconds: Double)
    case trickled
    /// Neither head nor body, but bytes of another protocol.
    case garbled
  }

  var status = 200
  var headers: [(String, String)] = []
  var body = Data()
  var delivery = Delivery.whole
}

/// The least of an HTTP/1.1 server, on 127.0.0.1 and a port of the system's choice; one thread for each connection.
final class LoopbackServer: Sendable {
  let port: UInt16
  private let listener: Int32
  private let isStopped = Atomic<Bool>(false)

  init(_ answer: @escaping @Sendable (ServerRequest) -> ServerResponse) throws {
    listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let listener = listener
    let isBound = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(listener, address, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, address, &size) == 0
      }
    }
    guard listener >= 0, isBound else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    port = UInt16(bigEndian: address.sin_port)
    Thread.detachNewThread { [self] in
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0, !isStopped.load(ordering: .relaxed) else {
          if connection >= 0 { close(connection) }
          return
        }
        Thread.detachNewThread { Connection(connection).serve(answer) }
      }
    }
  }

  func stop() {
    isStopped.store(true, ordering: .relaxed)
    shutdown(listener, Int32(SHUT_RDWR))
  }
}

/// One client's connection, kept open from one request to the next.
private struct Connection {
  private let descriptor: Int32
  private var buffer = Data()

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    // Head and body go at once, without waiting for each other's receipt.
    var isOn: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &isOn, socklen_t(MemoryLayout<Int32>.size))
  }

  consuming func serve(_ answer: (ServerRequest) -> ServerResponse) {
    var connection = self
    defer { close(connection.descriptor) }
    while let request = connection.request() {
      guard connection.send(answer(request), isHead: request.method == "HEAD") else { return }
    }
  }

  private mutating func fill() -> Bool {
    var bytes = [UInt8](repeating: 0, count: 1 << 16)
    let count = recv(descriptor, &bytes, bytes.count, 0)
    guard count > 0 else { return false }
    buffer.append(contentsOf: bytes[..<count])
    return true
  }

  private mutating func request() -> ServerRequest? {
    let separator = Data("\r\n\r\n".utf8)
    var end = buffer.range(of: separator)
    while end == nil {
      guard fill() else { return nil }
      end = buffer.range(of: separator)
    }
    guard let end else { return nil }
    let lines = String(decoding: buffer[..<end.lowerBound], as: UTF8.self).components(separatedBy: "\r\n")
    buffer = Data(buffer[end.upperBound...])
    let words = (lines.first ?? "").split(separator: " ")
    guard words.count == 3, let components = URLComponents(string: String(words[1])) else { return nil }
    var headers: [String: String] = [:]
    for line in lines.dropFirst() {
      guard let colon = line.firstIndex(of: ":") else { continue }
      headers[line[..<colon].lowercased()] = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
    let length = headers["content-length"].flatMap { Int($0) } ?? 0
    while buffer.count < length { guard fill() else { return nil } }
    let body = Data(buffer.prefix(length))
    buffer = Data(buffer.dropFirst(length))
    let items = (components.queryItems ?? []).map { ($0.name, $0.value ?? "") }
    return ServerRequest(
      method: String(words[0]), path: components.path, query: Dictionary(items) { $1 }, headers: headers, body: body)
  }

  /// Whether the connection may continue.
  private func send(_ response: ServerResponse, isHead: Bool) -> Bool {
    if case .garbled = response.delivery {
      _ = write(Data("220 mail at your service\r\n\r\n".utf8))
      return false
    }
    var head = "HTTP/1.1 \(response.status) -\r\nContent-Length: \(response.body.count)\r\n"
    for (name, value) in response.headers { head += "\(name): \(value)\r\n" }
    guard write(Data((head + "\r\n").utf8)) else { return false }
    if isHead { return true }
    switch response.delivery {
    case .whole, .garbled: return write(response.body)
    case .cut(let count):
      _ = write(response.body.prefix(count))
      return false
    case .stalled(let count, let seconds):
      guard write(response.body.prefix(count)) else { return false }
      Thread.sleep(forTimeInterval: seconds)
      return write(response.body.dropFirst(count))
    case .trickled:
      return stride(from: 0, to: response.body.count, by: 16).allSatisfy { start in
        Thread.sleep(forTimeInterval: 0.2)
        return write(response.body.dropFirst(start).prefix(16))
      }
    }
  }

  private func write(_ data: Data) -> Bool {
    data.withUnsafeBytes { (bytes: UnsafeRawBufferPointer) in
      var rest = Slice(base: bytes, bounds: bytes.indices)
      while !rest.isEmpty {
        let count = Foundation.send(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count, Int32(MSG_NOSIGNAL))
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
      }
      return true
    }
  }
}
