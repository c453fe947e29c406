import CMuJoCo

extension Model {
  /// Where a body stands in its parent's frame.
  public struct Pose: Sendable, Equatable {
    /// Its position, metres.
    public let position: SIMD3<Double>
    /// Its orientation, a unit quaternion w, x, y, z.
    public let quaternion: SIMD4<Double>

    /// Makes a pose.
    public init(position: SIMD3<Double>, quaternion: SIMD4<Double>) {
      self.position = position
      self.quaternion = quaternion
    }
  }

  /// This model with some bodies placed elsewhere and some sites made invisible.
  ///
  /// Everything else is shared with this model, so a variant costs a few kilobytes. Nothing derived is computed anew, as
  /// where a program writes into a compiled model.
  ///
  /// - Parameters:
  ///   - poses: new poses of bodies in their parents' frames, by the bodies' names.
  ///   - hiddenSites: names of sites whose alpha is negated where it is positive.
  public func placing(_ poses: [String: Pose], hiddenSites: [String] = []) throws(SimulationError) -> Model {
    var bodies: [(index: Int, pose: Pose)] = []
    for (name, pose) in poses { bodies.append((try index(of: .body, named: name), pose)) }
    var sites: [Int] = []
    for name in hiddenSites { sites.append(try index(of: .site, named: name)) }

    let copy = UnsafeMutablePointer<mjModel>.allocate(capacity: 1)
    copy.initialize(to: pointer.pointee)
    let model = pointer.pointee
    let positions = Self.duplicate(model.body_pos, count: 3 * Int(model.nbody))
    let quaternions = Self.duplicate(model.body_quat, count: 4 * Int(model.nbody))
    let colors = Self.duplicate(model.site_rgba, count: 4 * Int(model.nsite))
    for (index, pose) in bodies {
      for axis in 0..<3 { positions[3 * index + axis] = pose.position[axis] }
      for part in 0..<4 { quaternions[4 * index + part] = pose.quaternion[part] }
    }
    for site in sites where colors[4 * site + 3] > 0 { colors[4 * site + 3] = -colors[4 * site + 3] }
    copy.pointee.body_pos = positions
    copy.pointee.body_quat = quaternions
    copy.pointee.site_rgba = colors
    let arrays = [
      UnsafeMutableRawPointer(positions), UnsafeMutableRawPointer(quaternions), UnsafeMutableRawPointer(colors),
    ]
    return Model(sharing: self, pointer: copy, arrays: arrays)
  }

  private static func duplicate<Element>(
    _ source: UnsafeMutablePointer<Element>?, count: Int
  ) -> UnsafeMutablePointer<Element> {
    let copy = UnsafeMutablePointer<Element>.allocate(capacity: max(count, 1))
    if let source { copy.initialize(from: source, count: count) }
    return copy
  }
}
