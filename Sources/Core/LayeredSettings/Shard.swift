import ModelFiles

/// The part of some work that one of several processes does: `1/4` is the second of four.
public struct Shard: Sendable, Equatable {
  /// From 0.
  public let number: Int
  public let count: Int

  /// All parts of work for `count` processes.
  public static func all(of count: Int) -> [Shard] { (0..<count).map { Shard(number: $0, count: count) } }

  private init(number: Int, count: Int) { (self.number, self.count) = (number, count) }

  /// Its share of `total` pieces that lie in a row.
  public func range(of total: Int) -> Range<Int> { total * number / count..<total * (number + 1) / count }
}

extension Shard: CustomStringConvertible {
  public var description: String { "\(number)/\(count)" }
}

extension Shard: ConfigurationValue {
  public static let typeDescription = "a part I/N with I below N, such as 0/4, the first of four"
  public static let typeName = "I/N"

  public init(flag: String) throws(ConfigurationValueError) {
    let parts = flag.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1], (1...1 << 16).contains(count),
      (0..<count).contains(number)
    else { throw Self.mismatch(flag) }
    self.init(number: number, count: count)
  }

  public init(json: JSON) throws(ConfigurationValueError) {
    guard let text = json.string else { throw Self.mismatch(json) }
    try self.init(flag: text)
  }

  public var json: JSON { .string(description) }
}
