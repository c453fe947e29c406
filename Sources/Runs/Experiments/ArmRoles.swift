import OrderedCollections

/// What the arms of an experiment are for: as it was planned, or as their names say where no plan is kept.
public struct ArmRoles: Sendable {
  private let arms: OrderedDictionary<String, Arm>

  init(_ planned: [Arm]) {
    var arms = OrderedDictionary(uniqueKeysWithValues: Arm.known.map { ($0.name, $0) })
    for arm in planned { arms[arm.name] = arm }
    // Planned arms decide who the baseline is.
    if let baseline = planned.first(where: { $0.role == .baseline }), baseline.name != "E0" { arms["E0"] = nil }
    self.arms = arms
  }

  /// The arm that the others are compared with.
  var baseline: String { arms.values.first { $0.role == .baseline }?.name ?? "E0" }

  /// What an arm is for; an unknown one is a check.
  func role(of name: String) -> Arm.Role { arms[name]?.role ?? .check }

  func isControl(_ name: String) -> Bool { role(of: name) == .control }
}
