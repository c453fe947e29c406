/// Hands a section's stored properties to the initializer that the compiler made for `Decodable`.
private struct StoredPropertyDecoder: Decoder {
  let values: [String: Any]
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(Container(values: values))
  }
  func unkeyedContainer() throws -> any UnkeyedDecodingContainer { throw DecodedAlone() }
  func singleValueContainer() throws -> any SingleValueDecodingContainer { throw DecodedAlone() }

  private struct Container<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let values: [String: Any]
    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { values.keys.compactMap(Key.init(stringValue:)) }

    func contains(_ key: Key) -> Bool { values[key.stringValue] != nil }
    func decodeNil(forKey key: Key) -> Bool {
      guard let value = values[key.stringValue] else { return true }
      let mirror = Mirror(reflecting: value)
      return mirror.displayStyle == .optional && mirror.children.isEmpty
    }
    func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
      guard let value = values[key.stringValue] as? Value else { throw DecodedAlone() }
      return value
    }

    func nestedContainer<NestedKey: CodingKey>(
      keyedBy type: NestedKey.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<NestedKey> { throw DecodedAlone() }
    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer { throw DecodedAlone() }
    func superDecoder() throws -> any Decoder { throw DecodedAlone() }
    func superDecoder(forKey key: Key) throws -> any Decoder { throw DecodedAlone() }
  }
}

/// A section or a setting was decoded from something else than stored properties.
struct DecodedAlone: Error {}

extension ConfigurationSection {
  /// A section with these stored properties, each under its name.
  ///
  /// - Precondition: each is of its property's type.
  init(storedProperties values: [String: Any]) {
    do { self = try Self(from: StoredPropertyDecoder(values: values)) } catch {
      preconditionFailure("\(Self.self) declares its own init(from:), or a property of a type that changes")
    }
  }
}
