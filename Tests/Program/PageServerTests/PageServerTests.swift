import Failures
import Foundation
import Synchronization
import Testing

@testable import PageServer

/// A server that runs until it is let go, and clients that send it bytes.
private final class Served: Sendable {
  let server: PageServer
  private let isStopped: Stop

  private final class Stop: Sendable { let value = Atomic<Bool>(false) }

  init(_ contents: @escaping @Sendable (String) -> PageServer.Contents?) throws {
    server = try PageServer(host: "127.0.0.1", port: 0)
    let stop = Stop()
    isStopped = stop
    let server = server
    Thread.detachNewThread {
      server.serve(until: { stop.value.load(ordering: .relaxed) }, contents: contents)
    }
  }

  deinit { isStopped.value.store(true, ordering: .relaxed) }

  var port: UInt16 { UInt16(URL(string: server.url)?.port ?? 0) }

  /// A connection.
  func connect() throws -> Int32 {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    address.sin_port = port.bigEndian
    let size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { Foundation.connect(descriptor, $0, size) }
    }
    try #require(result == 0)
    var limit = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    return descriptor
  }

  /// All that is answered to some bytes.
  func answer(to request: String) throws -> String {
    let descriptor = try connect()
    defer { close(descriptor) }
    let bytes = Array(request.utf8)
    _ = Foundation.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    var all: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = recv(descriptor, &part, part.count, 0)
      guard count > 0 else { break }
      all += part[..<count]
    }
    return String(decoding: all, as: UTF8.self)
  }
}

struct PageServerTests {
  private func request(_ path: String, method: String = "GET", host: String = "localhost:6007") -> String {
    "\(method) \(path) HTTP/1.1\r\nHost: \(host)\r\nAccept: */*\r\n\r\n"
  }

  private func served() throws -> Served {
    try Served { path in path == "/" ? ("text/html; charset=utf-8", "<p>hällo</p>") : nil }
  }

  @Test func `a page is answered whole, to HEAD without its body`() throws {
    let served = try served()
    let answer = try served.answer(to: request("/?anything"))
    #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 13\r\n"))
    #expect(answer.hasSuffix("\r\n\r\n<p>hällo</p>"))
    let head = try served.answer(to: request("/", method: "HEAD"))
    #expect(head.contains("Content-Length: 13\r\n") && head.hasSuffix("\r\n\r\n"))
  }

  @Test(arguments: [
    ("GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
    ("GET /%2e%2e/secret HTTP/1.1\r\nHost: localhost\r\n\r\n", "404"),
    ("GET http://elsewhere/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"),
    ("GET / HTTP/1.1\r\nHost: attacker.example\r\n\r\n", "403"),
    ("GET / HTTP/1.1\r\nHost: 127.0.0.1.attacker.example\r\n\r\n", "403"),
    ("GET / HTTP/1.1\r\n\r\n", "403"), ("POST / HTTP/1.1\r\nHost: localhost\r\n\r\n", "405"),
    ("GET /\r\n\r\n", "400"), ("\r\n\r\n", "400"), ("\0\u{1}\u{2} \u{3}\r\n\r\n", "400"),
  ]) func `a request that is none of its own is refused`(request: String, status: String) throws {
    let answer = try served().answer(to: request)
    #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
    #expect(!answer.contains("hällo"))
  }

  @Test func `an endless head is refused, and the next client is answered`() throws {
    let served = try served()
    let long = "GET /" + String(repeating: "x", count: 100_000) + " HTTP/1.1\r\n\r\n"
    #expect(!(try served.answer(to: long)).contains("200 OK"))
    #expect(try served.answer(to: request("/")).contains("200 OK"))
  }

  @Test func `clients that send nothing hold up nobody, and are not waited for`() throws {
    let served = try served()
    let idle = try (0..<PageServer.maximumConnections - 1).map { _ in try served.connect() }
    #expect(try served.answer(to: request("/")).contains("200 OK"))
    let last = try served.connect()
    var answer = try served.answer(to: request("/"))
    // The idle ones and the last fill every place, as soon as they have been accepted.
    for _ in 0..<20 where answer.contains("200 OK") { answer = try served.answer(to: request("/")) }
    #expect(answer.hasPrefix("HTTP/1.1 503 ") || answer.isEmpty)
    // A silent client's time ends, without an answer that a browser would take for one to its next request.
    var byte: UInt8 = 0
    #expect(recv(idle[0], &byte, 1, 0) == 0)
    (idle + [last]).forEach { close($0) }
  }

  @Test func `a request that stops midway is told that it was too slow`() throws {
    #expect(try served().answer(to: "GET / HTTP/1.1\r\nHost: local").hasPrefix("HTTP/1.1 408 "))
  }

  @Test func `an address that cannot be listened at is said with the setting`() throws {
    let served = try served()
    let taken = #expect(throws: Failure.self) { try PageServer(host: "127.0.0.1", port: Int(served.port)) }
    #expect(taken?.description.contains("choose another `port`") == true)
    for (host, port) in [("::1", 0), ("somewhere", 0), ("", 0), ("127.0.0.1", 70_000), ("127.0.0.1", -1)] {
      #expect(throws: Failure.self) { try PageServer(host: host, port: port) }
    }
  }
}
