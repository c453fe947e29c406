import Foundation
import LibTorch

// The figures of `make bench`: each the best of several rounds, on one compute thread.
do {
  let engine = try TorchEngine.shared()
  engine.setThreadCount(1)
  print("torch \(engine.version), one compute thread, best of several rounds")
  for benchmarks in [tensorBenchmarks, trainingBenchmarks, dataBenchmarks, sceneBenchmarks] {
    for measurement in try benchmarks() { print(measurement.line) }
  }
} catch {
  FileHandle.standardError.write(Data("Benchmarks: \(error)\n".utf8))
  exit(1)
}
