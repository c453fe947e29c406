/// The joint values at which a category's doors, drawers and knobs count as open, closed, on or off.
///
/// The values are LIBERO's, radians for hinges and meters for slides.
struct Articulation: Sendable, Equatable {
  /// The joint values on one side of a limit.
  enum JointRange: Sendable, Equatable {
    case below(Double)
    case above(Double)
    case atLeast(Double)

    func contains(_ value: Double) -> Bool {
      switch self {
      case .below(let limit): value < limit
      case .above(let limit): value > limit
      case .atLeast(let limit): value >= limit
      }
    }
  }

  var open: JointRange?
  var closed: JointRange?
  var on: JointRange?
  var off: JointRange?

  /// LIBERO's ranges for a category; all nil for one without moving parts.
  init(category: String) {
    switch category {
    case "microwave":
      open = .below(-1.3)
      closed = .above(-0.005)
    case "wooden_cabinet", "white_cabinet":
      open = .below(-0.14)
      closed = .above(0)
    case "short_cabinet":
      open = .above(0.10)
      closed = .below(0)
    case "short_fridge":
      open = .above(2.0)
      closed = .below(0)
    case "flat_stove":
      on = .atLeast(0.5)
      off = .below(0)
    default: break
    }
  }
}
