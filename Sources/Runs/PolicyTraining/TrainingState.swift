import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import RobotPolicies

/// LeRobot's `training_state`: the step, the optimizer and the schedule, as LeRobot 0.4.4 and 0.6 read them (they reject
/// files of optimizer and schedule with missing or additional keys, or numbers of another type).
struct TrainingState {
  var step: Int
  var optimizer: [Int: AdamWState]

  init(step: Int, optimizer: [Int: AdamWState]) {
    self.step = step
    self.optimizer = optimizer
  }

  static let stepFile = "training_step.json"
  private static let stateFile = "optimizer_state.safetensors"
  private static let groupsFile = "optimizer_param_groups.json"

  // MARK: Writing

  /// - Parameter store: the policy's parameters; frozen ones have places in LeRobot's optimizer too.
  func write(to folder: URL, _ settings: TrainingSettings, of store: ParameterStore) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    func write(_ json: JSON, _ name: String) throws { try json.write(to: folder.appendingPathComponent(name)) }
    // LeRobot 0.6 finds its place in the data by the next two.
    var place: OrderedDictionary<String, JSON> = [
      "step": .integer(step), "num_processes": 1, "batch_size": .integer(settings.batchSize),
    ]
    if settings.batchesPerUpdate > 1 { place["grad_accum_steps"] = .integer(settings.batchesPerUpdate) }
    try write(.object(place), Self.stepFile)
    var state: StateDictionary = [:]
    let (places, count) = store.optimizerPlaces
    for (index, entry) in optimizer.map({ (places[$0.key], $0.value) }).sorted(by: { $0.0 < $1.0 }) {
      state["state/\(index)/step"] = entry.step
      state["state/\(index)/exp_avg"] = entry.firstMoment
      state["state/\(index)/exp_avg_sq"] = entry.secondMoment
    }
    try Tensor.save(state, to: folder.appendingPathComponent(Self.stateFile))
    let (adamW, schedule) = (settings.optimizer, settings.schedule)
    let next = JSON.number(schedule.learningRate(at: step))
    let group: JSON = [
      "lr": next, "betas": adamW.betas.json, "eps": .number(adamW.epsilon),
      "weight_decay": .number(adamW.weightDecay), "amsgrad": false, "maximize": false, "foreach": nil,
      "capturable": false, "differentiable": false, "fused": nil, "decoupled_weight_decay": true,
      "initial_lr": .number(schedule.peak), "params": .array((0..<count).map(JSON.integer)),
    ]
    try write([group], Self.groupsFile)
    try write(
      [
        "base_lrs": [.number(schedule.peak)], "last_epoch": .integer(step), "_step_count": .integer(step + 1),
        "_is_initial": false, "_get_lr_called_within_step": false, "_last_lr": [next], "lr_lambdas": [nil],
      ], "scheduler_state.json")
    try Tensor.save(
      GeneratorStates(seed: settings.seed, step: step).tensors(),
      to: folder.appendingPathComponent("rng_state.safetensors"))
  }

  // MARK: Reading

  /// Reads a state, LeRobot's or this program's, and checks it against the policy's parameters.
  ///
  /// The states of LeRobot's random generators are not read, because random numbers here are counter-based.
  /// - Throws: if training cannot be resumed from it.
  init(in folder: URL, for store: ParameterStore) throws {
    let stepFile = folder.appendingPathComponent(Self.stepFile)
    guard FileManager.default.fileExists(atPath: stepFile.path) else {
      throw Failure(
        "\(folder.path) holds no training state to resume; start a new run from these weights with `policy.path`")
    }
    guard let step = try JSON(contentsOf: stepFile)["step"]?.integer, (0...1 << 40).contains(step) else {
      throw Failure("\(stepFile.path): expected a step from 0 to 2^40")
    }
    self.step = step
    try Self.checkGroups(folder.appendingPathComponent(Self.groupsFile), for: store)
    let file = folder.appendingPathComponent(Self.stateFile)
    let state = try Tensor.load(file)
    let places = store.optimizerPlaces.places
    let known = Set(store.trainable.map { "\(places[$0.index])" })
    for key in state.keys {
      let parts = key.split(separator: "/").map(String.init)
      guard parts.count == 3, parts[0] == "state", ["step", "exp_avg", "exp_avg_sq"].contains(parts[2]) else {
        throw Failure(
          "\(file.path): \(key) is not a state of AdamW, the only supported optimizer; it cannot be resumed")
      }
      guard known.contains(parts[1]) else {
        throw Failure(
          "\(file.path): parameter \(parts[1]) was trained and is frozen or absent now; resume with the settings that "
            + "the run was started with (LeRobot 0.4 with `train_expert_only=false` is `lerobot_version=0.4`)")
      }
    }
    optimizer = [:]
    for (index, parameter) in store.trainable {
      let place = "state/\(places[index])"
      guard let first = state["\(place)/exp_avg"] else { continue }
      guard let second = state["\(place)/exp_avg_sq"], let count = state["\(place)/step"],
        first.shape == parameter.tensor.shape, second.shape == parameter.tensor.shape, count.elementCount == 1
      else {
        throw Failure("\(file.path): the state of parameter \(places[index]) does not fit \(parameter.name)")
      }
      optimizer[index] = AdamWState(
        firstMoment: try first.to(.float32).clone().to(store.device),
        secondMoment: try second.to(.float32).clone().to(store.device),
        step: try count.to(.float32).reshaped([]).clone().to(store.device))
    }
  }

  private static func checkGroups(_ file: URL, for store: ParameterStore) throws {
    let groups = try JSON(contentsOf: file).array ?? []
    guard groups.count == 1, let group = groups.first, let indices = group["params"]?.array else {
      throw Failure("\(file.path): expected one group of parameters, found \(groups.count); it cannot be resumed")
    }
    let count = store.optimizerPlaces.count
    guard indices.map(\.integer) == (0..<count).map({ $0 }) else {
      throw Failure(
        "\(file.path): the optimizer held \(indices.count) parameters, the policy has \(count); it cannot be resumed")
    }
    let numbers = ["betas", "eps", "weight_decay", "lr"].flatMap { name in group[name].map { $0.array ?? [$0] } ?? [] }
    for number in numbers where !(number.double ?? .nan).isFinite {
      throw Failure(
        "\(file.path): expected betas, eps, weight_decay and lr to be numbers, found \(number.text(.compact)); "
          + "the run cannot be resumed")
    }
    for name in ["amsgrad", "maximize"] where group[name]?.bool == true {
      throw Failure("\(file.path): \(name) is not supported; the run cannot be resumed here")
    }
  }
}
