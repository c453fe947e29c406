// Loads a checkpoint and plans one action chunk from gray images and a state of zeros.
//
//   swift run --package-path Examples PlanActions lerobot/smolvla_base "pick up the bowl"
import CounterBasedRandom
import Foundation
import PretrainedPolicies
import RGBImages
import RobotPolicies

guard CommandLine.arguments.count == 3 else {
  print("usage: PlanActions CHECKPOINT INSTRUCTION")
  exit(2)
}

// A folder, or a repository on the Hugging Face hub.
let policy = try PretrainedPolicy.load(CommandLine.arguments[1])
let interface = policy.policy.interface

var images: [String: RGBImage] = [:]
for (camera, feature) in interface.inputs.of(.visual) {
  let (height, width) = (feature.shape[1], feature.shape[2])
  let gray = [UInt8](repeating: 128, count: width * height * 3)
  images[String(camera.dropFirst(BatchKey.images.count))] = try RGBImage(width: width, height: height, pixels: gray)
}
let state = [Float](repeating: 0, count: interface.inputs[BatchKey.state]?.shape.first ?? 0)
let observation = PolicyObservation(images: images, state: state, instruction: CommandLine.arguments[2])

let chunk = try policy.actionChunks(for: [observation], random: [CountedRandom(seed: 0, "example")])[0]
for (step, action) in chunk.enumerated() {
  print("action \(step):", action.map { String(format: "%.3f", $0) }.joined(separator: " "))
}
