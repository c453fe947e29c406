import CMuJoCo

extension PhysicsModel {
  /// A size, option or array of the compiled model.
  public struct Field: Sendable, Equatable {
    /// The type of the elements.
    public enum Kind: String, Sendable {
      /// `mjtNum`, 64-bit.
      case doubles = "d"
      /// 32-bit.
      case floats = "f"
      /// 32-bit, signed.
      case integers = "i"
      /// `mjtByte`, unsigned.
      case bytes = "b"
    }

    /// Its name in MuJoCo's header; options start with `opt.`.
    public let name: String
    /// The type of the elements.
    public let kind: Kind
    /// Its bytes, in memory order.
    public let bytes: [UInt8]
  }
}

extension Simulation {
  /// All fields of the compiled model with this simulation's overrides, in the order of MuJoCo's header, for comparisons
  /// field by field.
  public var modelFields: [PhysicsModel.Field] {
    var fields: [PhysicsModel.Field] = []
    withUnsafeMutablePointer(to: &fields) { fields in
      wm_mujoco_visit_fields(
        modelPointer,
        { name, kind, bytes, count, context in
          guard let context else { return }
          let fields = context.assumingMemoryBound(to: [PhysicsModel.Field].self)
          let kind = PhysicsModel.Field.Kind(rawValue: String(UnicodeScalar(UInt8(bitPattern: kind)))) ?? .bytes
          fields.pointee.append(
            PhysicsModel.Field(
              name: String(cString: name), kind: kind,
              bytes: Array(UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count))))
        }, UnsafeMutableRawPointer(fields))
    }
    return fields
  }
}
