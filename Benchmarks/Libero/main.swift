import Foundation
import Libero

// What oracle/libero_bench.py and oracle/libero_compare.py ask of this program; answers are lines of JSON.
//
//   LiberoMeasurements speed SUITE TASK ENVIRONMENTS STEPS
//   LiberoMeasurements fields SUITE TASK SEED
//   LiberoMeasurements demonstrations SUITE TASK SEED EPISODES FOLDER
//
// `LIBERO_CONFIG_PATH` names the folder of the settings that name the scene assets.
do {
  let arguments = Array(CommandLine.arguments.dropFirst())
  guard arguments.count >= 4, let task = Int(arguments[2]), let number = Int(arguments[3]) else {
    throw LiberoError(
      "usage: LiberoMeasurements speed SUITE TASK ENVIRONMENTS STEPS | fields SUITE TASK SEED"
        + " | demonstrations SUITE TASK SEED EPISODES FOLDER")
  }
  let world = try world(suite: arguments[1], task: task)
  switch (arguments[0], arguments.count) {
  case ("speed", 5):
    guard let steps = Int(arguments[4]) else { throw LiberoError("'\(arguments[4])' is no number of steps") }
    try printLine(Speed(of: world, environments: number, steps: steps))
  case ("fields", 4):
    guard let seed = UInt32(exactly: number) else { throw LiberoError("\(number) is no seed") }
    try printLine(Fields(of: world, seed: seed))
  case ("demonstrations", 6):
    guard let episodes = Int(arguments[4]) else { throw LiberoError("'\(arguments[4])' is no number of episodes") }
    let folder = URL(fileURLWithPath: arguments[5])
    try printLine(Demonstrations(of: world, episodes: episodes, seed: number, folder: folder))
  default:
    throw LiberoError("LiberoMeasurements answers `speed`, `fields` and `demonstrations`, not '\(arguments[0])'")
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

func world(suite: String, task: Int) throws -> LiberoWorld {
  let settings = try LiberoSettings.resolve()
  return try LiberoWorld(LiberoSuite(named: suite).task(task, settings), assets: LiberoAssets.resolve(settings))
}
