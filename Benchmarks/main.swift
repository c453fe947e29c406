import Failures
import Foundation
import LibTorch
import NeuralNetworks

private let usage = """
  usage: Benchmarks                                              time the parts: each the best of several rounds, on one thread
         Benchmarks loader FOLDER MEMORY_IN_MB                   figures for loader.sh
         Benchmarks published DEVICE PRECISION JOB ROWS SECONDS [TRACE]
                                                                figures for policy.sh and gpu.sh
  """

private func run(_ arguments: [String]) throws {
  if arguments.isEmpty { return try timeParts() }
  if arguments[0] == "loader", arguments.count == 3, let memory = Int(arguments[2]) {
    return print(try loaderFigures(URL(fileURLWithPath: arguments[1]), memoryMegabytes: memory).text(.line))
  }
  guard arguments[0] == "published", (6...7).contains(arguments.count),
    let precision = Precision(rawValue: arguments[2]),
    let job = PublishedSizeJob(rawValue: arguments[3]), let rows = Int(arguments[4]), let seconds = Double(arguments[5])
  else { throw Failure(usage) }
  let trace = arguments.count == 7 ? URL(fileURLWithPath: arguments[6]) : nil
  print(try job.figures(.chosen(arguments[1]), precision, rows: rows, seconds: seconds, trace: trace).text(.line))
}

private func timeParts() throws {
  let engine = try TorchEngine.shared()
  engine.setThreadCount(1)
  print("torch \(engine.version), one compute thread, best of several rounds")
  for benchmarks in [tensorBenchmarks, trainingBenchmarks, dataBenchmarks, sceneBenchmarks] {
    for measurement in try benchmarks() { print(measurement.line) }
  }
}

do { try run(Array(CommandLine.arguments.dropFirst())) } catch {
  FileHandle.standardError.write(Data("Benchmarks: \(error)\n".utf8))
  exit(1)
}
