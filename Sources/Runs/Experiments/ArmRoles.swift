import OrderedCollections

/// What the arms of an experiment are for: as it was planned, or as their names say where no plan is kept.
public struct ArmRoles: Sendable {
  private let arms: OrderedDictionary<String, Arm>
  private let planned: Set<String>

  init(_ planned: [Arm]) {
    var arms = OrderedDictionary(uniqueKeysWithValues: Arm.known.map { ($0.name, $0) })
    // Planned arms decide who the baseline is.
    if planned.contains(where: { $0.role == .baseline }) { arms["E0"] = nil }
    for arm in planned { arms[arm.name] = arm }
    self.arms = arms
    self.planned = Set(planned.map(\.name))
  }

  /// The arm that the others are compared with.
  var baseline: String { arms.values.first { $0.role == .baseline }?.name ?? "E0" }

  /// What an arm is for; an unknown one is a check.
  func role(of name: String) -> Arm.Role { arms[name]?.role ?? .check }

  /// The title that the plan gives an arm; nil without one of its own, as for the usual arms.
  func title(of name: String) -> String? {
    guard planned.contains(name), let title = arms[name]?.title else { return nil }
    let isUsual = Arm.known.contains { Arm.usual.contains($0.name) && $0.title == title }
    return isUsual ? nil : title
  }

  func isControl(_ name: String) -> Bool { role(of: name) == .control }
}
