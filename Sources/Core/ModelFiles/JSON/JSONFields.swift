import Failures

/// Typed fields of a JSON object; an error names the file and the field.
public struct JSONFields {
  private let json: JSON?
  private let place: String

  /// - Parameters:
  ///   - json: the object; its fields are all missing if nil.
  ///   - place: the file, for errors.
  public init(_ json: JSON?, in place: String) throws {
    guard json == nil || json == .null || json?.object != nil else { throw Failure("\(place): expected a JSON object") }
    self.json = json
    self.place = place
  }

  /// An integer from 1 to 2²⁴.
  public func positive(_ name: String, default fallback: Int? = nil) throws -> Int {
    guard let value = value(name) else {
      guard let fallback else { throw Failure("\(place): \(name) is missing") }
      return fallback
    }
    guard let integer = value.integer, (1...1 << 24).contains(integer) else {
      throw failure(name, "a positive integer", value)
    }
    return integer
  }

  public func integer(_ name: String, default fallback: Int) throws -> Int {
    guard let value = value(name) else { return fallback }
    guard let integer = value.integer else { throw failure(name, "an integer", value) }
    return integer
  }

  public func number(_ name: String, default fallback: Double) throws -> Double {
    guard let value = value(name) else { return fallback }
    guard let number = value.double, number.isFinite else { throw failure(name, "a number", value) }
    return number
  }

  public func bool(_ name: String, default fallback: Bool) -> Bool { json?[name]?.bool ?? fallback }

  private func value(_ name: String) -> JSON? {
    guard let value = json?[name], value != .null else { return nil }
    return value
  }

  private func failure(_ name: String, _ expected: String, _ found: JSON) -> Failure {
    Failure("\(place): expected \(name) to be \(expected), found \(found.text(.compact))")
  }
}
