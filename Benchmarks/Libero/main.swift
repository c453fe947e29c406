import Failures
import Foundation
import LiberoSimulation

// What oracle/parity/libero_speed.py and libero_tasks.py ask of this program; answers are lines of JSON.
//
//   LiberoMeasurements speed SUITE TASK ENVIRONMENTS STEPS [STEPS_OF_A_PLAN]
//   LiberoMeasurements fields SUITE TASK SEED
//   LiberoMeasurements demonstrations SUITE TASK SEED EPISODES FOLDER
//   LiberoMeasurements rollouts SUITE TASK ENVIRONMENTS EPISODES MILLISECONDS_OF_A_PLAN
//
// `LIBERO_CONFIG_PATH` names the folder of the settings that name the scene assets.
do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  guard arguments.count >= 4, let task = Int(arguments[2]), let number = Int(arguments[3]) else {
    throw Failure("usage: LiberoMeasurements speed | fields | demonstrations | rollouts SUITE TASK NUMBER …")
  }
  let suite = try LiberoSuite(named: arguments[1])
  let more = arguments.dropFirst(4).compactMap { Int($0) }
  switch (arguments[0], arguments.count, more.count) {
  case ("speed", 5, 1):
    try printLine(Speed(of: world(of: suite, task), environments: number, steps: more[0]))
  case ("speed", 6, 2):
    try printLine(Speed(of: world(of: suite, task), environments: number, steps: more[0], horizon: max(1, more[1])))
  case ("fields", 4, 0):
    guard let seed = UInt32(exactly: number) else { throw Failure("\(number) is no seed") }
    try printLine(Fields(of: world(of: suite, task), seed: seed))
  case ("demonstrations", 6, 1):
    let folder = URL(fileURLWithPath: arguments[5])
    try printLine(Demonstrations(of: world(of: suite, task), episodes: more[0], seed: number, folder: folder))
  case ("rollouts", 6, 2):
    try printLine(
      Rollouts(suite: suite, task: task, environments: number, episodes: more[0], planMilliseconds: more[1]))
  default: throw Failure("LiberoMeasurements does not understand '\(arguments.joined(separator: " "))'")
  }
} catch {
  FileHandle.standardError.write(Data("LiberoMeasurements: \(error)\n".utf8))
  exit(1)
}

func printLine(_ value: some Encodable) throws {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.sortedKeys]
  print(String(decoding: try encoder.encode(value), as: UTF8.self))
}

func world(of suite: LiberoSuite, _ task: Int) throws -> LiberoWorld {
  let settings = try LiberoSettings.resolve()
  return try LiberoWorld(suite.task(task, settings), assets: LiberoAssets.resolve(settings))
}
