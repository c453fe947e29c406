import Foundation
import ModelFiles
import TestSupport
import Testing

/// The Python of `make parity`, which has torch.
private enum OraclePython {
  static let url: URL? = {
    let deps = ProcessInfo.processInfo.environment["WM_DEPS_DIR"].map { URL(fileURLWithPath: $0) }
    let python = (deps ?? Checkout.url.appendingPathComponent(".deps")).appendingPathComponent("oracle/bin/python")
    return FileManager.default.isExecutableFile(atPath: python.path) ? python : nil
  }()
}

/// The script that is taken to a machine with a GPU, on the CPU here: it compiles the shim and checks the numbers.
@Suite(.enabled(if: OraclePython.url != nil, "needs the Python environment that `make parity` installs"))
struct GPUScriptTests {
  /// The package's folder as `gpu_package.sh` fills it, with the programs of this build.
  private func package(in folder: URL) throws {
    let files = FileManager.default
    for (name, place, batch) in [
      ("smolvla", "SmolVLATests/Goldens/cross", "baseline"),
      ("smolvla_world", "WorldModalityTests/PolicyGoldens/one_future", "one_future"),
    ] {
      let golden = folder.appendingPathComponent("golden/\(name)")
      try files.createDirectory(at: golden.deletingLastPathComponent(), withIntermediateDirectories: true)
      try files.copyItem(at: Checkout.tests("Policies/\(place)"), to: golden)
      try files.moveItem(
        at: golden.appendingPathComponent("cases/\(batch).safetensors"),
        to: golden.appendingPathComponent("batch.safetensors"))
    }
    for source in ["Torch/shim/torch.cpp", "Torch/CTorch/include/wm_torch.h", "Loading/shim/shim.hpp"] {
      let place = folder.appendingPathComponent(source)
      try files.createDirectory(at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
      try files.copyItem(at: Checkout.url.appendingPathComponent("Sources/Engines/\(source)"), to: place)
    }
    for script in ["comparison.sh", "gpu.sh", "gpu_compare.py", "gpu_peer.py"] {
      try files.copyItem(
        at: Checkout.url.appendingPathComponent("Benchmarks/\(script)"), to: folder.appendingPathComponent(script))
    }
    for program in [
      Program.executable, Program.executable.deletingLastPathComponent().appendingPathComponent("Benchmarks"),
    ] {
      try files.createSymbolicLink(
        at: folder.appendingPathComponent(program.lastPathComponent), withDestinationURL: program)
    }
  }

  private func run(in folder: URL) throws -> Outcome {
    try Program.shell(
      "exec bash package/gpu.sh package cpu 1", in: folder,
      environment: ["PYTHON": OraclePython.url?.path ?? "", "TIME_LIMIT": "0"]
    ).wait()
  }

  @Test func `the numbers are checked, and one that is wrong fails`() throws {
    try Fixture.within { folder in
      let place = folder.appendingPathComponent("package")
      try package(in: place)
      let outcome = try run(in: folder)
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
      #expect(outcome.output.contains("smolvla on cpu against LeRobot") && !outcome.output.contains("DIFFERENT"))
      #expect(outcome.output.contains("left out for lack of time: bf16 step 1 1"), "\(outcome.output)")
      // Weights with the other sign are another policy.
      let golden = place.appendingPathComponent("golden/smolvla/model.safetensors")
      var bytes = try Data(contentsOf: golden)
      for index in bytes.indices.suffix(40_000) where index % 4 == 3 { bytes[index] ^= 0x80 }
      try bytes.write(to: golden)
      let wrong = try run(in: folder)
      #expect(wrong.status == 1 && wrong.output.contains("DIFFERENT"), "\(wrong.output)\(wrong.errors)")
    }
  }
}
