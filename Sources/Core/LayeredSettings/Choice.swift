/// One of the types that a section can be, under the text that chooses it.
public struct Choice<Value>: Sendable {
  let tag: String
  let make: @Sendable () -> Value
  let holds: @Sendable (Value) -> Bool
  let leaves: @Sendable (Value) -> [Leaf<Value>]
  let validate: @Sendable (Value) throws(ConfigurationError) -> Void

  /// A choice of `Inner`; `wrap` makes the section's value of it, and `unwrap` finds it there again.
  public init<Inner: ConfigurationSection>(
    _ tag: String, _ type: Inner.Type, wrap: @escaping @Sendable (Inner) -> Value,
    unwrap: @escaping @Sendable (Value) -> Inner? = { $0 as? Inner }
  ) {
    self.tag = tag
    make = { wrap(Inner()) }
    holds = { unwrap($0) != nil }
    leaves = { value in
      (unwrap(value) ?? Inner()).leaves.map { leaf in
        leaf.lifted(under: nil, get: unwrap, set: { $0 = wrap($1) }, new: Inner.init)
      }
    }
    validate = { value throws(ConfigurationError) in try unwrap(value)?.validateAll() }
  }
}

extension Choice {
  /// The same choice of a section that may be absent.
  var optional: Choice<Value?> {
    Choice<Value?>(
      tag: tag, make: make, holds: { $0.map(holds) ?? false },
      leaves: { value in
        leaves(value ?? make()).map { $0.lifted(under: nil, get: { $0 }, set: { $0 = $1 }, new: make) }
      },
      validate: { value throws(ConfigurationError) in
        if let value { try validate(value) }
      })
  }

  private init(
    tag: String, make: @escaping @Sendable () -> Value, holds: @escaping @Sendable (Value) -> Bool,
    leaves: @escaping @Sendable (Value) -> [Leaf<Value>],
    validate: @escaping @Sendable (Value) throws(ConfigurationError) -> Void
  ) {
    self.tag = tag
    self.make = make
    self.holds = holds
    self.leaves = leaves
    self.validate = validate
  }
}

extension Array {
  /// The option that a section's value is of.
  func first<Value>(holding value: Value) -> Choice<Value>? where Element == Choice<Value> {
    first { $0.holds(value) }
  }

  func contains<Value>(holding value: Value) -> Bool where Element == Choice<Value> { first(holding: value) != nil }
}
