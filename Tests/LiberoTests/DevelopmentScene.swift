import Foundation
import ModelFiles
import MuJoCo
import Testing

@testable import Libero

struct DevelopmentScene {
  static let folder = ProcessInfo.processInfo.environment["WM_LIBERO_SCENE"].map { URL(fileURLWithPath: $0) }
  static var isHere: Bool { folder != nil }
  let model: Model
  let built: [Double]
  let fixtures: [(body: Int, position: SIMD3<Double>, quaternion: SIMD4<Double>)]

  init() throws {
    let folder = try #require(Self.folder)
    model = try Model(xml: String(contentsOf: folder.appendingPathComponent("spatial0_source.xml"), encoding: .utf8))
    let placed = try JSON(contentsOf: folder.appendingPathComponent("spatial0_placed.json"))
    built = try #require(placed["placed"]?.array).compactMap(\.double)
    let model = model
    fixtures = try #require(placed["fixtures"]?.array).map { fixture in
      let position = try #require(fixture["pos"]?.array).compactMap(\.double)
      let quaternion = try #require(fixture["quat"]?.array).compactMap(\.double)
      return (
        try model.index(of: .body, named: fixture["body"]?.string ?? ""), SIMD3(position), SIMD4(quaternion)
      )
    }
  }

  func place(_ simulation: Simulation) throws(SimulationError) {
    for fixture in fixtures {
      try simulation.place(body: fixture.body, position: fixture.position, quaternion: fixture.quaternion)
    }
  }
}

extension DevelopmentScene {
  func world(_ golden: SpatialGolden) throws -> LiberoWorld {
    let names = model.names(of: .body)
    let fixtures = fixtures.map {
      LiberoPlacement.Fixture(body: names[$0.body], position: $0.position, quaternion: $0.quaternion)
    }
    let built = built
    return LiberoWorld(
      model: model, instruction: "pick up the black bowl between the plate and the ramekin and place it on the plate",
      goal: [BddlPredicate(relation: .on, arguments: ["akita_black_bowl_1", "plate_1"])],
      categories: [
        "akita_black_bowl_1": "akita_black_bowl", "akita_black_bowl_2": "akita_black_bowl", "cookies_1": "cookies",
        "glazed_rim_porcelain_ramekin_1": "glazed_rim_porcelain_ramekin", "plate_1": "plate",
        "wooden_cabinet_1": "wooden_cabinet", "flat_stove_1": "flat_stove",
      ], initialStates: [try golden.doubles("init_state")], maximumSteps: 280
    ) { _ in LiberoPlacement(fixtures: fixtures, positions: built) }
  }
}
