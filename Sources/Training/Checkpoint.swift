import Foundation
import ModelFiles
import NeuralNetworks
import OrderedCollections
import Policies
import Torch

/// The folder of a run's checkpoints: `OUTPUT/checkpoints/STEP/`, and `last`, which names the newest.
public struct CheckpointDirectory: Sendable {
  /// `OUTPUT/checkpoints`
  public let url: URL

  /// The checkpoints below a run's output folder.
  public init(output: URL) { url = output.appendingPathComponent("checkpoints", isDirectory: true) }

  /// The folder of a step; at least six digits.
  public func folder(step: Int, of steps: Int) -> URL {
    let digits = max(6, String(steps).count)
    let name = String(repeating: "0", count: max(0, digits - String(step).count)) + String(step)
    return url.appendingPathComponent(name, isDirectory: true)
  }

  /// The newest checkpoint.
  ///
  /// - Throws: where there is none.
  public func last() throws(PolicyError) -> URL {
    let link = url.appendingPathComponent("last")
    guard let name = try? FileManager.default.destinationOfSymbolicLink(atPath: link.path), !name.isEmpty,
      name.allSatisfy(\.isWholeNumber)
    else {
      throw PolicyError("no checkpoint to resume from: \(link.path) does not exist; start without --resume")
    }
    return url.appendingPathComponent(name, isDirectory: true)
  }

  /// Writes a checkpoint beside its place, renames it, and lets `last` name it. A kill at any moment leaves the
  /// checkpoint before it whole.
  func save(step: Int, of steps: Int, _ write: (URL) throws -> Void) throws -> URL {
    let files = FileManager.default
    let final = folder(step: step, of: steps)
    let partial = url.appendingPathComponent(".\(final.lastPathComponent).partial", isDirectory: true)
    do {
      try? files.removeItem(at: partial)
      try files.createDirectory(at: partial, withIntermediateDirectories: true)
      try write(partial)
      // The same step again comes from a resumed run, with the same numbers.
      try? files.removeItem(at: final)
      try files.moveItem(at: partial, to: final)
      let newLink = url.appendingPathComponent(".last.partial")
      try? files.removeItem(at: newLink)
      try files.createSymbolicLink(atPath: newLink.path, withDestinationPath: final.lastPathComponent)
      guard rename(newLink.path, url.appendingPathComponent("last").path) == 0 else {
        throw PolicyError("\(url.path)/last could not be written: \(String(cString: strerror(errno)))")
      }
      return final
    } catch {
      try? files.removeItem(at: partial)
      throw error
    }
  }
}

/// LeRobot's `training_state`: the optimiser and the step. Random numbers need no state here: they are counted.
struct TrainingState {
  var step: Int
  var optimizer: [Int: AdamWState]

  func write(to folder: URL, settings: AdamWSettings, learningRate: Double, schedule: JSON, parameters: Int) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try JSON.object(["step": .integer(step)]).write(to: folder.appendingPathComponent("training_step.json"))
    var state: StateDictionary = [:]
    for (index, entry) in optimizer.sorted(by: { $0.key < $1.key }) {
      state["state/\(index)/step"] = entry.step
      state["state/\(index)/exp_avg"] = entry.firstMoment
      state["state/\(index)/exp_avg_sq"] = entry.secondMoment
    }
    try Tensor.save(state, to: folder.appendingPathComponent("optimizer_state.safetensors"))
    let group: JSON = [
      "lr": .number(learningRate), "betas": .array([.number(settings.betas.0), .number(settings.betas.1)]),
      "eps": .number(settings.epsilon), "weight_decay": .number(settings.weightDecay), "amsgrad": false,
      "foreach": nil, "maximize": false, "capturable": false, "differentiable": false, "fused": true,
      "decoupled_weight_decay": true, "params": .array((0..<parameters).map(JSON.integer)),
    ]
    try JSON.array([group]).write(to: folder.appendingPathComponent("optimizer_param_groups.json"))
    try schedule.write(to: folder.appendingPathComponent("scheduler_state.json"))
  }

  init(step: Int, optimizer: [Int: AdamWState]) {
    self.step = step
    self.optimizer = optimizer
  }

  /// Reads a state and checks it against the parameters it belongs to.
  init(in folder: URL, for store: ParameterStore) throws {
    let stepFile = folder.appendingPathComponent("training_step.json")
    guard let step = try JSON(contentsOf: stepFile)["step"]?.integer, step >= 0 else {
      throw PolicyError("\(stepFile.path): expected a step")
    }
    self.step = step
    let file = folder.appendingPathComponent("optimizer_state.safetensors")
    let state = try Tensor.load(file)
    optimizer = [:]
    for (index, parameter) in store.trainable {
      guard let first = state["state/\(index)/exp_avg"] else { continue }
      guard let second = state["state/\(index)/exp_avg_sq"], let count = state["state/\(index)/step"],
        first.shape == parameter.tensor.shape, second.shape == parameter.tensor.shape, count.elementCount == 1
      else {
        throw PolicyError("\(file.path): the state of parameter \(index) does not fit \(parameter.name)")
      }
      optimizer[index] = AdamWState(
        firstMoment: try first.to(.float32).clone().to(store.device),
        secondMoment: try second.to(.float32).clone().to(store.device),
        step: try count.to(.float32).reshaped([]).clone().to(store.device))
    }
  }
}
