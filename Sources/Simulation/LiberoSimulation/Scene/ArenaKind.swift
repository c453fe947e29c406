import Failures

/// The kinds of arenas of LIBERO's tasks, with hf-libero 0.1.4's settings for each.
enum ArenaKind: String, CaseIterable, Sendable {
  case tabletop = "libero_tabletop_manipulation"
  case kitchen = "libero_kitchen_tabletop_manipulation"
  case livingRoom = "libero_living_room_tabletop_manipulation"
  case study = "libero_study_tabletop_manipulation"
  case floor = "libero_floor_manipulation"

  /// A camera that is set or added.
  struct Camera: Sendable {
    let name: String
    let position: [Double]
    /// Its orientation, real part first.
    let quaternion: [Double]
  }

  /// The kind of a problem's name; another name is an error that lists the known ones.
  init(problem name: String) throws {
    guard let kind = ArenaKind(rawValue: name) else {
      let known = ArenaKind.allCases.map(\.rawValue).joined(separator: ", ")
      throw Failure("there is no LIBERO problem '\(name)'; a task's (problem …) is one of \(known)")
    }
    self = kind
  }

  /// The room's model, below the folder of assets.
  var file: String {
    switch self {
    case .tabletop: "scenes/libero_tabletop_base_style.xml"
    case .kitchen: "scenes/libero_kitchen_tabletop_base_style.xml"
    case .livingRoom: "scenes/libero_living_room_tabletop_base_style.xml"
    case .study: "scenes/libero_study_base_style.xml"
    case .floor: "scenes/libero_floor_base_style.xml"
    }
  }

  /// The floor's texture: a file beside the texture that the room's model names.
  var floorTexture: String {
    switch self {
    case .tabletop, .study, .floor: "light-gray-floor-tile.png"
    case .kitchen: "gray_ceramic_tile.png"
    case .livingRoom: "seamless_wood_planks_floor.png"
    }
  }

  /// The walls' texture.
  var wallTexture: String { self == .kitchen ? "yellow_linen_wall_texture.png" : "light-gray-plaster.png" }

  /// The category of the fixture that is the work surface itself.
  var surfaceCategory: String {
    switch self {
    case .tabletop: "table"
    case .kitchen: "kitchen_table"
    case .livingRoom: "living_room_table"
    case .study: "study_table"
    case .floor: "floor"
    }
  }

  /// A region whose name contains this is on the work surface.
  var surfaceName: String { self == .tabletop ? "main_table" : surfaceCategory }

  /// The body of the room's model that the surface's regions belong to.
  var surfaceBody: String {
    switch self {
    case .tabletop, .kitchen: "table"
    case .livingRoom: "living_room_table"
    case .study: "study_table"
    case .floor: "floor"
    }
  }

  /// Length, width and height of the table, meters, and its friction, if they are set in the room's model.
  var table: (size: SIMD3<Double>, friction: String)? {
    switch self {
    case .tabletop: (SIMD3(1, 1.2, 0.05), "0.6 0.005 0.0001")
    case .kitchen: (SIMD3(1, 1.2, 0.05), "1 0.005 0.0001")
    case .livingRoom, .study, .floor: nil
    }
  }

  /// The work surface's origin, meters, world.
  var offset: SIMD3<Double> {
    switch self {
    case .tabletop, .kitchen: SIMD3(0, 0, 0.90)
    case .livingRoom: SIMD3(0, 0, 0.41)
    case .study: SIMD3(-0.2, 0, 0.867)
    case .floor: SIMD3(0, 0, -0.035)
    }
  }

  /// Height above the surface's origin at which fixtures are placed.
  var fixtureLift: Double {
    switch self {
    case .tabletop, .kitchen, .study: 0.01 - 0.05
    case .livingRoom: 0.01 - 0.024
    case .floor: -0.025
    }
  }

  /// Whether a movable object must be entirely within its region.
  var keepsObjectsWithinRegions: Bool { self == .tabletop || self == .floor }

  /// The position of a region's site in the surface's body, for the region's center in the surface's frame.
  func sitePosition(x: Double, y: Double) -> [Double] {
    switch self {
    case .tabletop, .floor: [x, y, 0.02]
    case .kitchen: [x + offset.x, y + offset.y, offset.z - 0.90]
    case .livingRoom, .study: [x + offset.x, y + offset.y, offset.z]
    }
  }

  /// The robot's mount, and the position of its base, meters, world.
  var robot: (mount: RobotModel.Mount, base: SIMD3<Double>) {
    switch self {
    case .tabletop, .kitchen: (.rethink, SIMD3(-0.16 - 1.0 / 2, 0, 0))
    case .study: (.rethink, SIMD3(-0.25 - 1.0 / 2, 0, 0))
    case .livingRoom: (.none, SIMD3(-0.16 - 0.70 / 2, 0, 0.42))
    case .floor: (.none, SIMD3(-0.6, 0, 0))
    }
  }

  var cameras: [Camera] {
    let down = [0.6380177736282349, 0.3048497438430786, 0.30484986305236816, 0.6380177736282349]
    let low = [0.6182166934013367, 0.3432307541370392, 0.3432314395904541, 0.6182177066802979]
    let paper = [0.513, 0.353, 0.443, 0.645]
    let front = [0.56, 0.43, 0.43, 0.56]
    let gallery = Camera(
      name: "galleryview", position: [2.844547668904445, 2.1279684793440667, 3.128616846013882],
      quaternion: [0.42261379957199097, 0.23374411463737488, 0.41646939516067505, 0.7702690958976746])
    func views(_ agent: [Double], _ quaternion: [Double], front position: [Double], paper view: [Double]?) -> [Camera] {
      [
        Camera(name: "agentview", position: agent, quaternion: quaternion),
        Camera(name: "frontview", position: position, quaternion: front), gallery,
      ] + (view.map { [Camera(name: "paperview", position: $0, quaternion: paper)] } ?? [])
    }
    return switch self {
    case .tabletop: views([0.6586131746834771, 0, 1.6103500240372423], down, front: [1, 0, 1.48], paper: nil)
    case .kitchen:
      views([0.6586131746834771, 0, 1.6103500240372423], down, front: [1, 0, 1.48], paper: [2.1, 0.535, 2.075])
    case .study:
      views([0.4586131746834771, 0, 1.6103500240372423], down, front: [1, 0, 1.48], paper: [2.1, 0.535, 2.075])
    case .livingRoom: views([0.6065773716836134, 0, 0.96], low, front: [1.5, 0, 0.9], paper: [2.1, 0.735, 1.875])
    case .floor: views([0.8965773716836134, 5.216182733499864e-07, 0.65], low, front: [1, 0, 0.65], paper: nil)
    }
  }
}
