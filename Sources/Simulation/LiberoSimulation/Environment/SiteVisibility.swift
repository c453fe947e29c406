import Failures
import MuJoCoPhysics

/// Which sites the images show: none of the robot's and the objects' own, except a stove's burner while it is on.
struct SiteVisibility: Sendable {
  /// A burner's site, its opacities, and the knob that decides.
  private struct Burner: Sendable {
    let site: Int
    let opacity: (off: Float, on: Float)
    let stove: GoalObject
    let on: Articulation.Side
  }

  private var hidden: [(site: Int, opacity: Float)] = []
  private var burners: [Burner] = []

  /// - Parameter simulation: one that still shows what its model shows.
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

  /// Whether each burner glows, by its knob as it stands now.
  func glowing(in simulation: Simulation) -> [Bool] {
    burners.map { burner in burner.stove.joints.contains { burner.on.holds(simulation.position(at: $0)) } }
  }

  /// Makes a simulation show what the official stack shows.
  func apply(to simulation: Simulation, glowing: [Bool]) throws {
    for (site, opacity) in hidden { try simulation.setSiteOpacity(opacity, of: site) }
    for (burner, glows) in zip(burners, glowing) {
      try simulation.setSiteOpacity(glows ? burner.opacity.on : burner.opacity.off, of: burner.site)
    }
  }
}
