import Experiments
import Failures
import Foundation
import LibTorch
import ModelFiles
import OrderedCollections
import WorldLatents

/// What the latents of a cache are of, whether their sidecar fits them, and whether they can be trained on.
struct CacheInspection {
  private(set) var inspection: Inspection
  private let file: URL

  init(_ file: URL) {
    self.file = file
    inspection = Inspection("latent cache", file.path)
    // What is wrong is among the checks.
    try? inspect()
  }

  private mutating func inspect() throws {
    let numbers = try inspection.checks("numbers", found: { _ in nil }) { try NumpyFile(file) }
    inspection.facts["latents"] =
      "\(numbers.element.rawValue) \(numbers.shape.map(String.init).joined(separator: "×")), "
      + formattedSize(numbers.mapping.count)
    describe()
    try? inspection.checks.check(path: file)
    try checkNumbers(numbers)
  }

  private mutating func describe() {
    let sidecar = LatentCache.sidecarURL(of: file)
    guard let json = try? JSON(contentsOf: sidecar), let identity = try? LatentCacheManifest(json, in: sidecar.path)
    else { return }
    inspection.facts["dataset"] = "\(identity.datasetRepoID), \(counted(identity.dataset.frames, "frame"))"
    inspection.facts["camera"] = identity.camera
    inspection.facts["encoder"] =
      "\(identity.encoder.name) (\(identity.encoder.source.rawValue), SHA-256 \(identity.encoder.sha256.prefix(12))…)"
    inspection.facts["clips"] = counted(identity.temporalWindow, "frame")
    inspection.facts["rows finished"] = json["rows_finished"]?.integer.map(String.init)
    inspection.facts["written by"] = json["written_by"]?.string
    inspection.details["sidecar"] = json
    if let warning = identity.warningOfVideo(file) { inspection.checks.warn("latents", [warning]) }
  }

  /// The most rows that are read at once.
  private static let rowsAtOnce = 4096

  /// Reads every row, draws their norms, and refuses rows that are not finite.
  private mutating func checkNumbers(_ numbers: NumpyFile) throws {
    let name = "latents' numbers"
    let norms = try inspection.checks(name, found: { _ in nil }) { try Self.norms(of: numbers, in: file) }
    inspection.parts = [Self.part(norms)]
    inspection.partsTitle = "Plots"
    let (bad, zeros) = (norms.indices.filter { !norms[$0].isFinite }, norms.count { $0 == 0 })
    if let row = bad.first {
      inspection.checks.add([
        Check(
          name, .problem,
          "\(counted(bad.count, "row")) of \(file.path) are not finite, the first is row \(row); precompute the latents again "
            + "with `overwrite`")
      ])
    } else if zeros > 0 {
      inspection.checks.warn(
        name, ["\(counted(zeros, "row")) of \(file.path) are zero; the cache may not be finished"])
    } else if let low = norms.min(), let high = norms.max() {
      inspection.checks.add([Check(name, .ok, String(format: "finite, of norms from %.4g to %.4g", low, high))])
    }
  }

  private static func norms(of numbers: NumpyFile, in file: URL) throws -> [Float] {
    guard numbers.element == .float16, numbers.shape.count == 2, numbers.shape[1] > 0 else {
      throw Failure("\(file.path): expected float16 latents [frames, dimension]; this is no latent cache")
    }
    return try stride(from: 0, to: numbers.shape[0], by: rowsAtOnce).flatMap { first throws in
      try norms(ofRows: first..<min(first + rowsAtOnce, numbers.shape[0]), numbers)
    }
  }

  private static func norms(ofRows rows: Range<Int>, _ numbers: NumpyFile) throws -> [Float] {
    let width = numbers.shape[1]
    let start = numbers.range.lowerBound + rows.lowerBound * width * 2
    let tensor = try Tensor(bytes: .float16, shape: [rows.count, width]) { destination in
      destination.copyMemory(
        from: UnsafeRawBufferPointer(
          rebasing: numbers.mapping.unsafeBytes[start..<start + rows.count * width * 2]))
    }
    return try tensor.to(.float32).norm(dimensions: [-1]).scalars(Float.self)
  }

  private static func part(_ norms: [Float]) -> Inspection.Part {
    var part = Inspection.Part("Norms", remarks: [])
    part.plots = [
      Inspection.Plot(
        "Norms of the latents", measure: "Euclidean norm", over: "frame of the dataset", [("all frames", norms)])
    ]
    return part
  }
}
