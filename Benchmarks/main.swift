import Foundation
import LibTorch

// The figures of `make bench`: each the best of several rounds, on one compute thread. With the name of a device, such as
// cuda, the figures of SmolVLA in its published size there; with `loader FOLDER MEMORY_IN_MB` those of `make bench-loader`.
do {
  let arguments = CommandLine.arguments.dropFirst()
  if arguments.first == "loader", arguments.count == 3, let memory = Int(arguments[3]) {
    print(try loaderFigures(URL(fileURLWithPath: arguments[2]), memoryMegabytes: memory).text(.line))
    exit(0)
  }
  let engine = try TorchEngine.shared()
  if let name = arguments.first {
    print("torch \(engine.version), \(name), best of several rounds")
    try publishedSizeBenchmarks(.chosen(name)) { measurement in
      FileHandle.standardOutput.write(Data((measurement.line + "\n").utf8))
    }
    exit(0)
  }
  engine.setThreadCount(1)
  print("torch \(engine.version), one compute thread, best of several rounds")
  for benchmarks in [tensorBenchmarks, trainingBenchmarks, dataBenchmarks, sceneBenchmarks] {
    for measurement in try benchmarks() { print(measurement.line) }
  }
} catch {
  FileHandle.standardError.write(Data("Benchmarks: \(error)\n".utf8))
  exit(1)
}
