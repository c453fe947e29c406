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
