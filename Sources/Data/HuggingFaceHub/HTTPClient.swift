import CCurl
import Foundation

struct HTTPRequest {
  /// A body, or a part of a file as one.
  enum Body {
    case bytes([UInt8])
    case file(URL, offset: Int, count: Int)

    var count: Int {
      switch self {
      case .bytes(let bytes): bytes.count
      case .file(_, _, let count): count
      }
    }
  }

  var method = "GET"
  var address: String
  var headers: [(String, String)] = []
  var body: Body?
  /// Seconds without a byte after which it is given up, where that is not the settings' time.
  var patience: Int?
  /// Told how many bytes of the body are gone.
  var sent: ((Int) -> Void)?
}

/// The head of an answer; header names are lower-case.
struct HTTPHead {
  var status = 0
  var headers: [String: String] = [:]
}

/// One connection's worth of HTTP, by libcurl; used by one thread at a time. It follows no redirect and knows no token.
final class HTTPClient {
  private let connection: UnsafeMutableRawPointer
  private let certificates: String?
  private let stallSeconds: Int

  /// Opens libcurl, once for the process.
  init(_ settings: HubSettings) throws(HubError) {
    if let problem = wm_curl_open() {
      throw HubError(
        "downloads need libcurl, which cannot be opened (\(String(cString: problem))); "
          + "install it with `apt-get install libcurl4`, or bring the files here yourself")
    }
    guard let connection = wm_curl_make() else { throw HubError("libcurl gave no connection") }
    self.connection = connection
    certificates = settings.certificates
    stallSeconds = settings.stallSeconds
  }

  deinit { wm_curl_free(connection) }

  /// Sends a request and hands over the answer's body as it comes, with the head that stands before it.
  ///
  /// - Throws: what `receive` throws, or why nothing or not everything came.
  func send(
    _ request: HTTPRequest, receive: (HTTPHead, UnsafeRawBufferPointer) throws(HubError) -> Void
  ) throws(HubError) -> HTTPHead {
    let source = try request.body.map { body throws(HubError) in try BodySource(body, sent: request.sent) }
    return try withoutActuallyEscaping(receive) { receive throws(HubError) in
      let exchange = Exchange(source: source, receive: receive)
      var status = 0
      var reason = [CChar](repeating: 0, count: 256)
      let lines = request.headers.map { "\($0): \($1)" } + ["Expect:"]
      let outcome = withCStrings([request.method, request.address, "lerobot-wm", certificates ?? ""] + lines) { texts in
        var question = wm_curl_request()
        question.method = texts[0]
        question.url = texts[1]
        question.user_agent = texts[2]
        question.certificates = certificates == nil ? nil : texts[3]
        question.connect_milliseconds = Int64(stallSeconds) * 1000
        question.stall_seconds = Int64(request.patience ?? stallSeconds)
        question.body_size = Int64(request.body?.count ?? -1)
        question.context = Unmanaged.passUnretained(exchange).toOpaque()
        question.head = { context, line, count in Exchange.of(context)?.head(line, count) }
        question.receive = { context, bytes, count in Exchange.of(context)?.take(bytes, count) ?? 0 }
        question.supply = { context, bytes, capacity in Exchange.of(context)?.supply(bytes, capacity) ?? 0 }
        return texts[4...].withUnsafeBufferPointer { headers in
          question.headers = headers.baseAddress
          question.header_count = Int32(headers.count)
          return wm_curl_send(connection, &question, &status, &reason)
        }
      }
      if let failure = exchange.failure { throw failure }
      guard outcome == WM_CURL_DONE else {
        let words = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw failure(outcome, words, request)
      }
      return exchange.answer
    }
  }

  private func failure(_ outcome: wm_curl_outcome, _ reason: String, _ request: HTTPRequest) -> HubError {
    let address = request.address
    let host = URL(string: address)?.host ?? "the address"
    let kind = HubError.Kind.unreachable(retryAfter: nil)
    return switch outcome {
    case WM_CURL_NO_HOST: HubError("\(host) is not known here (\(reason)); check the network and HF_ENDPOINT", .absent)
    case WM_CURL_NO_CONNECTION:
      HubError("\(host) does not take the connection (\(reason)); check the network and HF_ENDPOINT", .absent)
    case WM_CURL_STALLED:
      HubError(
        "\(host) sent less than a kilobyte in \(request.patience ?? stallSeconds) s; try again, or give it longer with HF_HUB_DOWNLOAD_TIMEOUT",
        kind)
    case WM_CURL_CUT: HubError("\(host) ended the connection before everything had come (\(reason))", kind)
    case WM_CURL_UNTRUSTED:
      HubError("\(host)'s certificate is not trusted (\(reason)); name the right ones with REQUESTS_CA_BUNDLE")
    case WM_CURL_GARBLED:
      HubError("\(host) answers with what is not HTTP (\(reason)); try again, or look for a proxy in between", kind)
    case WM_CURL_BAD_ADDRESS: HubError("\"\(address)\" is no address; check HF_ENDPOINT")
    default: HubError("the request to \(host) failed (\(reason))", kind)
    }
  }
}

/// What the callbacks of one request share.
private final class Exchange {
  var answer = HTTPHead()
  var failure: HubError?
  private let source: BodySource?
  private let receive: (HTTPHead, UnsafeRawBufferPointer) throws(HubError) -> Void

  init(source: BodySource?, receive: @escaping (HTTPHead, UnsafeRawBufferPointer) throws(HubError) -> Void) {
    self.source = source
    self.receive = receive
  }

  static func of(_ context: UnsafeMutableRawPointer?) -> Exchange? {
    context.map { Unmanaged<Exchange>.fromOpaque($0).takeUnretainedValue() }
  }

  func head(_ line: UnsafePointer<CChar>?, _ count: Int) {
    // A head without end is cut here; no header that matters is so long.
    guard let line, count < 1 << 16, answer.headers.count < 1000 else { return }
    let text = String(decoding: UnsafeRawBufferPointer(start: line, count: count), as: UTF8.self)
    if text.hasPrefix("HTTP/") {
      // Whatever came before was an interim answer.
      answer = HTTPHead(status: text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
    } else if let colon = text.firstIndex(of: ":") {
      let value = text[text.index(after: colon)...].trimmingCharacters(in: .whitespacesAndNewlines)
      answer.headers[text[..<colon].lowercased()] = value
    }
  }

  func take(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> Int {
    do throws(HubError) {
      try receive(answer, UnsafeRawBufferPointer(start: bytes, count: count))
      return count
    } catch {
      failure = error
      // Anything but the count ends the request.
      return count == 0 ? 1 : 0
    }
  }

  func supply(_ bytes: UnsafeMutablePointer<CChar>?, _ capacity: Int) -> Int {
    guard let bytes, let source else { return 0 }
    return source.fill(UnsafeMutableRawBufferPointer(start: bytes, count: capacity))
  }
}

/// The bytes of a request's body, one piece after another.
private final class BodySource {
  private let bytes: [UInt8]
  private let file: FileHandle?
  private var next = 0
  private let count: Int
  private let sent: ((Int) -> Void)?

  init(_ body: HTTPRequest.Body, sent: ((Int) -> Void)?) throws(HubError) {
    count = body.count
    self.sent = sent
    switch body {
    case .bytes(let bytes):
      self.bytes = bytes
      file = nil
    case .file(let url, let offset, _):
      bytes = []
      file = try translated {
        let file = try FileHandle(forReadingFrom: url)
        try file.seek(toOffset: UInt64(offset))
        return file
      }
    }
  }

  /// Bytes written; 0 at the end, or where the file is shorter than it was.
  func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Int {
    defer { sent?(next) }
    let wanted = min(buffer.count, count - next)
    guard wanted > 0 else { return 0 }
    if let file {
      guard let piece = try? file.read(upToCount: wanted), !piece.isEmpty else { return 0 }
      piece.copyBytes(to: buffer)
      next += piece.count
      return piece.count
    }
    buffer.copyBytes(from: bytes[next..<next + wanted])
    next += wanted
    return wanted
  }
}

/// Lends strings as C strings that live as long as the call.
private func withCStrings<Value>(_ texts: [String], _ body: ([UnsafePointer<CChar>?]) -> Value) -> Value {
  let copies = texts.map { strdup($0) }
  defer { copies.forEach { free($0) } }
  return body(copies.map { UnsafePointer($0) })
}
