/// From which joint value on a category's doors, drawers and knobs count as open, closed, on or off.
///
/// Values are LIBERO's own, radians for hinges and metres for slides.
struct Articulation: Sendable, Equatable {
  /// One side of a value.
  enum Side: Sendable, Equatable {
    case below(Double)
    case above(Double)
    case atLeast(Double)

    func holds(_ value: Double) -> Bool {
      switch self {
      case .below(let limit): value < limit
      case .above(let limit): value > limit
      case .atLeast(let limit): value >= limit
      }
    }
  }

  var open: Side?
  var closed: Side?
  var on: Side?
  var off: Side?

  /// What LIBERO knows of a category; nothing for one that has no moving parts.
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
