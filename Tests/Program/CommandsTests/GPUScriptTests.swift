import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
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
  private static let script = "exec bash package/gpu.sh package cpu 1"

  private func run(_ line: String, in folder: URL) throws -> Outcome {
    try Program.shell(
      line, in: folder,
      environment: [
        "PYTHON": OraclePython.url?.path ?? "", "TIME_LIMIT": "0",
        "PROGRAMS": Program.executable.deletingLastPathComponent().path,
      ]
    ).wait()
  }

  @Test func `the numbers are checked, and one that is wrong fails`() throws {
    try Fixture.within { folder in
      try #require(run("\(Checkout.url.path)/Benchmarks/gpu_package.sh package", in: folder).status == 0)
      let outcome = try run(Self.script, in: folder)
      #expect(outcome.status == 0, "\(outcome.output)\(outcome.errors)")
      #expect(outcome.output.contains("smolvla on cpu against LeRobot") && !outcome.output.contains("DIFFERENT"))
      #expect(outcome.output.contains("left out for lack of time: cpu bf16 step 1 1"), "\(outcome.output)")
      // Weights with the other sign are another policy.
      let golden = folder.appendingPathComponent("package/golden/smolvla/model.safetensors")
      var weights = try Tensor.load(golden)
      let name = "model.action_out_proj.weight"
      weights[name] = try #require(weights[name]) * -1
      try Tensor.save(weights, to: golden, overwrite: true)
      let wrong = try run(Self.script, in: folder)
      #expect(wrong.status == 1 && wrong.output.contains("DIFFERENT"), "\(wrong.output)\(wrong.errors)")
    }
  }
}
