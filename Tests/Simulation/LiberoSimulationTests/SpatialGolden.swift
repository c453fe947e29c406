import Foundation
import ModelFiles
import MuJoCoPhysics
import Testing
import TestSupport

@testable import LiberoSimulation

/// The official stack's trace of libero_spatial's task 0, in `../shared`; its 4,000 physics steps are too large to commit.
struct SpatialGolden {
  let file: SafetensorsFile

  static let url = SharedData.directory?.appendingPathComponent("golden/libero_spatial_0.safetensors")
  static var isHere: Bool { url.map { FileManager.default.fileExists(atPath: $0.path) } ?? false }

  init() throws {
    file = try SafetensorsFile(try #require(Self.url))
  }

  func values<Value: BitwiseCopyable>(_ name: String, of type: Value.Type) throws -> [Value] {
    try file.withBytes(of: file.entry(name)) { bytes in
      (0..<(bytes.count / MemoryLayout<Value>.stride)).map {
        bytes.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Value>.stride, as: Value.self)
      }
    }
  }

  func doubles(_ name: String) throws -> [Double] { try values(name, of: Double.self) }
  func floats(_ name: String) throws -> [Float] { try values(name, of: Float.self) }

  /// The 150 actions, seven numbers each.
  func actions() throws -> [[Float]] {
    let numbers = try floats("actions")
    return stride(from: 0, to: numbers.count, by: 7).map { Array(numbers[$0..<($0 + 7)]) }
  }

  /// The task, compiled once for all tests.
  static func world() throws -> LiberoWorld { try shared.get() }
  private static let shared = Result { () throws -> LiberoWorld in
    let material = try #require(SceneMaterial.shared)
    return try LiberoWorld(LiberoSuite.spatial.task(0, material.settings), assets: material.assets)
  }
}
