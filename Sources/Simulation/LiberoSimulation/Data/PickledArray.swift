import Failures

/// A NumPy array of doubles in Python's pickle format.
///
/// The reader implements only the instructions that such an array needs, and of all callables only the three that NumPy
/// uses there, so a malicious file cannot run anything.
struct PickledArray: Equatable {
  /// The lengths of its axes.
  let shape: [Int]
  /// Its elements, last axis fastest.
  let elements: [Double]

  init(_ bytes: ArraySlice<UInt8>, file: String) throws {
    var reader = PickleReader(bytes)
    do { self = try reader.array() } catch {
      throw Failure("\(file) should hold a pickled NumPy array of doubles: \(message(of: error))")
    }
  }

  init(shape: [Int], elements: [Double]) {
    self.shape = shape
    self.elements = elements
  }
}

private indirect enum PickleValue: Equatable {
  case mark
  case none
  case flag(Bool)
  case number(Int)
  case text(String)
  case tuple([PickleValue])
  case callable(String)
  case bytes([UInt8])
  /// An element type; its byte order is set after it is created.
  case type(isLittleEndian: Bool)
  case emptyArray
  case array(PickledArray)
}

private struct PickleReader {
  private let bytes: [UInt8]
  private var position = 0
  private var stack: [PickleValue] = []
  private var memo: [Int: PickleValue] = [:]

  private static let reconstruct = ["numpy.core.multiarray _reconstruct", "numpy._core.multiarray _reconstruct"]

  init(_ bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

  /// Twenty times as many as an array needs, and too few for deep nesting.
  private static let maximumInstructions = 1000

  mutating func array() throws -> PickledArray {
    var count = 0
    while case let instruction = try next(), instruction != UInt8(ascii: ".") {
      count += 1
      guard count <= Self.maximumInstructions else { throw Failure("it has more instructions than an array needs") }
      try execute(instruction)
    }
    guard case .array(let array)? = stack.last, stack.count == 1 else {
      throw Failure("it holds something else")
    }
    return array
  }

  private mutating func execute(_ instruction: UInt8) throws {
    switch instruction {
    case 0x80:
      let version = try next()
      guard version <= 4 else { throw Failure("pickle version \(version) is not supported") }
    case UInt8(ascii: "("): stack.append(.mark)
    case UInt8(ascii: "N"): stack.append(.none)
    case 0x88: stack.append(.flag(true))
    case 0x89: stack.append(.flag(false))
    case UInt8(ascii: "K"): stack.append(.number(try unsigned(1)))
    case UInt8(ascii: "M"): stack.append(.number(try unsigned(2)))
    case UInt8(ascii: "J"): stack.append(.number(Int(Int32(truncatingIfNeeded: try unsigned(4)))))
    case UInt8(ascii: "X"): stack.append(.text(String(decoding: try take(try unsigned(4)), as: UTF8.self)))
    case UInt8(ascii: "c"): stack.append(.callable("\(try line()) \(try line())"))
    case UInt8(ascii: "q"): memo[try unsigned(1)] = try top()
    case UInt8(ascii: "r"): memo[try unsigned(4)] = try top()
    case UInt8(ascii: "h"): stack.append(try memoized(try unsigned(1)))
    case UInt8(ascii: "j"): stack.append(try memoized(try unsigned(4)))
    case UInt8(ascii: ")"): stack.append(.tuple([]))
    case 0x85: try makeTuple(1)
    case 0x86: try makeTuple(2)
    case 0x87: try makeTuple(3)
    case UInt8(ascii: "t"):
      guard let mark = stack.lastIndex(of: .mark) else { throw Failure("a tuple has no mark") }
      let items = Array(stack[(mark + 1)...])
      stack.removeSubrange(mark...)
      stack.append(.tuple(items))
    case UInt8(ascii: "R"): try call()
    case UInt8(ascii: "b"): try build()
    default: throw Failure("it uses pickle instruction \(instruction), which no array needs")
    }
  }

  private mutating func call() throws {
    let arguments = try pop()
    let callable = try pop()
    switch (callable, arguments) {
    case (.callable(let name), .tuple(let items)) where Self.reconstruct.contains(name):
      guard items.count == 3, items[0] == .callable("numpy ndarray") else {
        throw Failure("it constructs something other than an ndarray")
      }
      stack.append(.emptyArray)
    case (.callable("_codecs encode"), .tuple(let items)):
      guard items.count == 2, case .text(let text) = items[0], items[1] == .text("latin1") else {
        throw Failure("its bytes are not written as Latin-1")
      }
      var encoded: [UInt8] = []
      encoded.reserveCapacity(text.unicodeScalars.count)
      for scalar in text.unicodeScalars {
        guard let byte = UInt8(exactly: scalar.value) else { throw Failure("its bytes are not Latin-1") }
        encoded.append(byte)
      }
      stack.append(.bytes(encoded))
    case (.callable("numpy dtype"), .tuple(let items)):
      guard items.first == .text("f8") else { throw Failure("its elements are not doubles") }
      stack.append(.type(isLittleEndian: false))
    case (.callable(let name), _): throw Failure("it would call '\(name)', which no array needs")
    default: throw Failure("it calls a value that is not callable")
    }
  }

  private mutating func build() throws {
    guard case .tuple(let state) = try pop() else { throw Failure("a state is not a tuple") }
    switch try pop() {
    case .type:
      guard state.count >= 2, state[1] == .text("<") else { throw Failure("its doubles are not little-endian") }
      // NumPy stores the type in the memo before it sets the byte order, and does not use it from there.
      stack.append(.type(isLittleEndian: true))
    case .emptyArray:
      guard state.count == 5, case .tuple(let axes) = state[1], state[2] == .type(isLittleEndian: true),
        state[3] == .flag(false), case .bytes(let raw) = state[4]
      else { throw Failure("expected version, shape, type, C order and bytes") }
      stack.append(.array(try Self.assemble(axes, raw)))
    default: throw Failure("a state has no object")
    }
  }

  private static func assemble(_ axes: [PickleValue], _ raw: [UInt8]) throws -> PickledArray {
    var shape: [Int] = []
    var count = 1
    for axis in axes {
      guard case .number(let length) = axis, length >= 0 else { throw Failure("an axis has no length") }
      shape.append(length)
      let (product, overflow) = count.multipliedReportingOverflow(by: length)
      guard !overflow else { throw Failure("its shape is too large") }
      count = product
    }
    guard raw.count % 8 == 0, raw.count / 8 == count else {
      throw Failure("its shape \(shape) needs \(count) doubles, and it has \(raw.count) bytes")
    }
    let elements = raw.withUnsafeBytes { buffer in
      (0..<count).map {
        Double(bitPattern: UInt64(littleEndian: buffer.loadUnaligned(fromByteOffset: 8 * $0, as: UInt64.self)))
      }
    }
    return PickledArray(shape: shape, elements: elements)
  }

  private mutating func makeTuple(_ count: Int) throws {
    guard stack.count >= count else { throw Failure("the stack is too short for a tuple") }
    let items = Array(stack.suffix(count))
    stack.removeLast(count)
    stack.append(.tuple(items))
  }

  private func top() throws -> PickleValue {
    guard let value = stack.last else { throw Failure("it stores the top of an empty stack") }
    return value
  }

  private mutating func pop() throws -> PickleValue {
    guard let value = stack.popLast() else { throw Failure("it pops from an empty stack") }
    return value
  }

  private func memoized(_ index: Int) throws -> PickleValue {
    guard let value = memo[index] else { throw Failure("it reads memo entry \(index), which it never stored") }
    return value
  }

  private mutating func next() throws -> UInt8 {
    guard position < bytes.count else { throw Failure("it ends early") }
    defer { position += 1 }
    return bytes[position]
  }

  private mutating func take(_ count: Int) throws -> ArraySlice<UInt8> {
    guard count <= bytes.count - position else { throw Failure("it ends early") }
    defer { position += count }
    return bytes[position..<position + count]
  }

  private mutating func unsigned(_ size: Int) throws -> Int {
    try take(size).reversed().reduce(0) { $0 << 8 | Int($1) }
  }

  private mutating func line() throws -> String {
    guard let end = bytes[position...].firstIndex(of: UInt8(ascii: "\n")), end - position < 200 else {
      throw Failure("a name has no end")
    }
    defer { position = end + 1 }
    return String(decoding: bytes[position..<end], as: UTF8.self)
  }
}
