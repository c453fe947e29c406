import Failures
import Foundation
import Synchronization
import WorkerThreads

/// The least of an HTTP/1.1 server: answers GET and HEAD with text from memory, one request for each connection.
///
/// Requests are hostile: heads and times are bounded, so are connections, and a name that is not this server's is refused,
/// because a page elsewhere may have its own name lead here (DNS rebinding).
public final class PageServer: Sendable {
  /// What an answer holds; `type` is a media type.
  public typealias Contents = (type: String, text: String)

  /// `http://127.0.0.1:6007/`
  public let url: String
  private let listener: Int32
  private let isLoopback: Bool
  private let open = Atomic<Int>(0)

  /// Connections that are answered at a time; more are told to come again.
  static let maximumConnections = 16
  /// The times that a client has to ask, and to take an answer, in seconds.
  static let askingTime = 5, takingTime = 60

  /// Listens at an IPv4 address; port 0 is a free one of the system's choice.
  public init(host: String, port: Int) throws {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    let numeric = host == "localhost" ? "127.0.0.1" : host
    guard inet_pton(AF_INET, numeric, &address.sin_addr) == 1 else {
      throw Failure("`host=\(host)`: expected an IPv4 address such as 127.0.0.1, or 0.0.0.0 for every network")
    }
    guard (0...65_535).contains(port) else { throw Failure("`port=\(port)`: expected 0 to 65535") }
    address.sin_port = UInt16(port).bigEndian
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard listener >= 0 else { throw Failure("no socket: \(String(cString: strerror(errno)))") }
    var isOn: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &isOn, socklen_t(MemoryLayout<Int32>.size))
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let problem = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address -> Int32 in
        bind(listener, address, size) == 0 && listen(listener, 64) == 0 && getsockname(listener, address, &size) == 0
          ? 0 : errno
      }
    }
    guard problem == 0 else {
      close(listener)
      throw Failure(
        "`port=\(port)` of \(host) cannot be listened at: \(String(cString: strerror(problem))); choose another `port`, 0 for any "
          + "free one")
    }
    self.listener = listener
    isLoopback = UInt32(bigEndian: address.sin_addr.s_addr) >> 24 == 127
    url = "http://\(host):\(UInt16(bigEndian: address.sin_port))/"
  }

  deinit { close(listener) }

  /// Answers until `isStopped`, which is asked several times a second.
  ///
  /// - Parameter contents: what is at a path, called on several threads; nil if nothing is.
  public func serve(until isStopped: () -> Bool, contents: @escaping @Sendable (_ path: String) -> Contents?) {
    while !isStopped() {
      var waiting = pollfd(fd: listener, events: Int16(POLLIN), revents: 0)
      guard poll(&waiting, 1, 200) > 0 else { continue }
      let connection = accept(listener, nil, nil)
      guard connection >= 0 else { continue }
      guard open.load(ordering: .relaxed) < Self.maximumConnections else {
        Connection(connection).send(
          Answer(status: "503 Service Unavailable", text: "too many connections\n"), isPatient: false)
        continue
      }
      open.wrappingAdd(1, ordering: .relaxed)
      let isStarted = startThread(named: "connection") { [self] in
        let connection = Connection(connection)
        switch connection.request() {
        case .nothing: connection.close()
        case .slow: connection.send(Answer(status: "408 Request Timeout", text: "the request did not come in time\n"))
        case .head(let head): connection.send(answer(head, contents))
        }
        open.wrappingSubtract(1, ordering: .relaxed)
      }
      if !isStarted {
        open.wrappingSubtract(1, ordering: .relaxed)
        Connection(connection).close()
      }
    }
  }

  private func answer(_ head: RequestHead?, _ contents: (String) -> Contents?) -> Answer {
    guard let head else { return Answer(status: "400 Bad Request", text: "no request that this server understands\n") }
    guard ["GET", "HEAD"].contains(head.method) else {
      return Answer(status: "405 Method Not Allowed", text: "only GET\n")
    }
    // On a loopback address only its own names lead here honestly.
    guard !isLoopback || head.host.map(Self.isLoopbackName) == true else {
      return Answer(status: "403 Forbidden", text: "unknown host\n")
    }
    guard let found = contents(head.path) else { return Answer(status: "404 Not Found", text: "nothing is here\n") }
    return Answer(status: "200 OK", type: found.type, text: found.text, hasBody: head.method == "GET")
  }

  private static func isLoopbackName(_ host: String) -> Bool {
    let name = host.prefix { $0 != ":" }
    return name == "localhost" || (name.hasPrefix("127.") && name.allSatisfy { $0.isNumber || $0 == "." })
  }
}

/// The parts of a request that count.
struct RequestHead: Equatable {
  let method: String
  /// The path as it was sent, without its query.
  let path: String
  let host: String?

  /// Reads the lines of a head; nil if they are no HTTP/1 request.
  init?(_ bytes: some Sequence<UInt8>) {
    let lines = String(decoding: Array(bytes), as: UTF8.self).components(separatedBy: "\r\n")
    let words = lines[0].split(separator: " ", omittingEmptySubsequences: false)
    guard words.count == 3, words[2].hasPrefix("HTTP/1."), words[1].hasPrefix("/") else { return nil }
    method = String(words[0])
    path = String(words[1].prefix { $0 != "?" })
    host = lines.dropFirst().first { $0.lowercased().hasPrefix("host:") }?
      .dropFirst("host:".count).trimmingCharacters(in: .whitespaces).lowercased()
  }
}

/// What is sent back.
struct Answer {
  let status: String
  var type = "text/plain; charset=utf-8"
  let text: String
  var hasBody = true

  var bytes: [UInt8] {
    let body = Array(text.utf8)
    let head = """
      HTTP/1.1 \(status)\r
      Content-Type: \(type)\r
      Content-Length: \(body.count)\r
      Cache-Control: no-store\r
      X-Content-Type-Options: nosniff\r
      X-Frame-Options: DENY\r
      Referrer-Policy: no-referrer\r
      Connection: close\r
      \r

      """
    return Array(head.utf8) + (hasBody ? body : [])
  }
}

/// One client's connection, closed after one answer.
private struct Connection {
  /// What a client has sent.
  enum Request {
    /// Nothing at all: browsers open connections ahead of need, and take an answer to no request for one to the next.
    case nothing
    /// A part of a head.
    case slow
    /// A head; nil if it is none, or longer than 8 KiB.
    case head(RequestHead?)
  }

  private let descriptor: Int32

  init(_ descriptor: Int32) {
    self.descriptor = descriptor
    var limit = timeval(tv_sec: PageServer.askingTime, tv_usec: 0)
    for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
      setsockopt(descriptor, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
    }
  }

  /// Waits for the request's head, no longer than a client may take.
  func request() -> Request {
    let end = ContinuousClock.now + .seconds(PageServer.askingTime)
    var head: [UInt8] = []
    var bytes = [UInt8](repeating: 0, count: 4096)
    let separator = Data("\r\n\r\n".utf8)
    while head.count <= 8192 {
      let count = recv(descriptor, &bytes, bytes.count, 0)
      guard count > 0, ContinuousClock.now < end else { return head.isEmpty && count <= 0 ? .nothing : .slow }
      head += bytes[..<count]
      if let found = Data(head).range(of: separator) { return .head(RequestHead(head[..<found.lowerBound])) }
    }
    return .head(nil)
  }

  func close() { Foundation.close(descriptor) }

  /// Sends the answer and closes.
  ///
  /// - Parameter isPatient: whether what the client still sends is read for a while; closing before that may take the answer
  ///   back.
  func send(_ answer: Answer, isPatient: Bool = true) {
    let end = ContinuousClock.now + .seconds(isPatient ? PageServer.takingTime : 0)
    answer.bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      repeat {
        let count = Foundation.send(
          descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count,
          Int32(MSG_NOSIGNAL) | (isPatient ? 0 : Int32(MSG_DONTWAIT)))
        guard count > 0 else { break }
        rest = rest.dropFirst(count)
      } while !rest.isEmpty && ContinuousClock.now < end
    }
    shutdown(descriptor, Int32(SHUT_WR))
    var bytes = [UInt8](repeating: 0, count: 4096)
    let drained = ContinuousClock.now + .seconds(1)
    while isPatient, ContinuousClock.now < drained, recv(descriptor, &bytes, bytes.count, 0) > 0 {}
    close()
  }
}
