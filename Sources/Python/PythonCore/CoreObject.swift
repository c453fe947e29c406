import Failures
import Foundation

/// Something that a process holds by a number, until it releases it. Calls from several threads take turns.
class CoreObject {
  private let lock = NSLock()

  /// The number, with a reference that ``release(_:)`` gives back.
  final func retained() -> Int { Int(bitPattern: Unmanaged.passRetained(self).toOpaque()) }

  /// The object of a number.
  ///
  /// - Throws: for 0, and an object of another kind. A number that was never given, or is released, is the caller's
  ///   mistake and undefined, as in C.
  static func held(_ number: Int) throws -> Self {
    guard let pointer = UnsafeRawPointer(bitPattern: number),
      let object = Unmanaged<CoreObject>.fromOpaque(pointer).takeUnretainedValue() as? Self
    else { throw Failure("the object \(number) is no \(Self.self)") }
    return object
  }

  /// The object that a request names.
  static func of(_ request: CoreRequest) throws -> Self { try held(request.integer("object")) }

  static func release(_ number: Int) {
    guard let pointer = UnsafeRawPointer(bitPattern: number) else { return }
    Unmanaged<CoreObject>.fromOpaque(pointer).release()
  }

  final func inTurn<Result>(_ body: () throws -> Result) rethrows -> Result {
    lock.lock()
    defer { lock.unlock() }
    return try body()
  }
}
