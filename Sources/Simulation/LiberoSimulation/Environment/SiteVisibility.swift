import Failures
import MuJoCoPhysics

/// The sites that images show: none of the robot's and the objects' own, except a stove's burner while it is on.
struct SiteVisibility: Sendable {
  /// A burner's site, its opacities, and the joint values of its knob at which it is on.
  private struct Burner: Sendable {
    let site: Int
    let opacity: (off: Float, on: Float)
    let stove: GoalObject
    let on: Articulation.JointRange
  }

  private var hidden: [(site: Int, opacity: Float)] = []
  private var burners: [Burner] = []

  /// - Parameter simulation: one whose site opacities are still the model's.
  init(_ scene: LiberoScene, in simulation: Simulation) throws {
    let model = simulation.model
    for name in scene.hiddenSites {
      let site = try model.index(of: .site, named: name)
      let opacity = simulation.siteOpacity(site)
      if opacity > 0 { hidden.append((site, -opacity)) }
    }
    for object in scene.objects {
      guard let on = Articulation(category: object.category).on else { continue }
      let site = try model.index(of: .site, named: "\(object.name)_burner")
      let opacity = -abs(simulation.siteOpacity(site))
      let stove = try GoalObject(object, in: model)
      burners.append(Burner(site: site, opacity: (opacity, 1 - opacity), stove: stove, on: on))
    }
  }

  /// Whether each burner is on, by its knob's present position.
  func burnersOn(in simulation: Simulation) -> [Bool] {
    burners.map { burner in burner.stove.joints.contains { burner.on.contains(simulation.position(at: $0)) } }
  }

  /// Sets a simulation's site opacities to the official stack's.
  func apply(to simulation: Simulation, burnersOn: [Bool]) throws {
    for (site, opacity) in hidden { try simulation.setSiteOpacity(opacity, of: site) }
    for (burner, isOn) in zip(burners, burnersOn) {
      try simulation.setSiteOpacity(isOn ? burner.opacity.on : burner.opacity.off, of: burner.site)
    }
  }
}
