import MuJoCo

/// Which sites the pictures show: none of the robot's and the objects' own, except a stove's burner while it is on.
struct SiteVisibility: Sendable {
  /// A burner's site, its opacities, and the knob that decides.
  private struct Burner: Sendable {
    let site: Int
    let opacity: (off: Float, on: Float)
    let knobs: [Int]
    let on: Articulation.Side
  }

  private let hidden: [(site: Int, opacity: Float)]
  private let burners: [Burner]

  init(_ model: Model, simulation: Simulation, categories: [String: String]) throws(LiberoError) {
    var hidden: [(site: Int, opacity: Float)] = []
    var burners: [Burner] = []
    let owners = ["robot0", "gripper0"] + categories.keys
    do throws(SimulationError) {
      for name in model.names(of: .site) where owners.contains(where: { name.hasPrefix("\($0)_") }) {
        let site = try model.index(of: .site, named: name)
        let opacity = simulation.siteOpacity(site)
        if opacity > 0 { hidden.append((site, -opacity)) }
      }
      for (name, category) in categories {
        guard let on = Articulation(category: category).on else { continue }
        let site = try model.index(of: .site, named: "\(name)_burner")
        let opacity = -abs(simulation.siteOpacity(site))
        let knobs = try GoalObject(named: name, category: category, in: model).joints
        burners.append(Burner(site: site, opacity: (opacity, 1 - opacity), knobs: knobs, on: on))
      }
    } catch {
      throw LiberoError(error.description)
    }
    self.hidden = hidden
    self.burners = burners
  }

  /// Whether each burner glows, by its knob as it stands now.
  func glowing(in simulation: Simulation) -> [Bool] {
    burners.map { burner in burner.knobs.contains { burner.on.holds(simulation.position(at: $0)) } }
  }

  /// Makes a simulation show what the official stack shows.
  func apply(to simulation: Simulation, glowing: [Bool]) throws(SimulationError) {
    for (site, opacity) in hidden { try simulation.setSiteOpacity(opacity, of: site) }
    for (burner, glows) in zip(burners, glowing) {
      try simulation.setSiteOpacity(glows ? burner.opacity.on : burner.opacity.off, of: burner.site)
    }
  }
}
