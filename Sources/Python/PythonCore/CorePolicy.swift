import CounterBasedRandom
import Failures
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import OrderedCollections
import PretrainedPolicies
import RobotPolicies

/// A policy whose parameters are the process's own tensors.
final class CorePolicy: CoreObject {
  private let policy: any Policy

  private init(_ policy: any Policy) { self.policy = policy }

  static func make(_ request: CoreRequest) throws -> CoreAnswer {
    guard let members = request.json["settings"]?.object else { throw Failure("the request has no `settings`") }
    let settings = try PolicySettings(checkpoint: members, from: "the policy's configuration")
    let folder = request.json["folder"]?.string.map { URL(fileURLWithPath: $0, isDirectory: true) }
    var builder = PolicyBuilder(
      settings, device: try .chosen(request.text("device")), seed: try request.integer("seed"))
    builder.settings.smolvla.usesReferenceOrder = request.json["reference_order"]?.bool ?? false
    let policy = try builder.policy(sharing: request.tensors, besides: folder)
    var answer = CoreAnswer(json: [
      "object": .integer(CorePolicy(policy).retained()), "notices": .array(builder.notices.map(JSON.string)),
      "lerobot_version": policy.lerobotVersion.map { .string($0.rawValue) } ?? .null,
    ])
    for parameter in policy.parameters.parameters { answer.tensors[parameter.name] = parameter.tensor }
    return answer
  }

  func loss(_ request: CoreRequest) throws -> CoreAnswer {
    // What the program's training draws at this step.
    let random = CountedRandom(seed: try request.integer("seed"), "training").at(request.json["step"]?.integer ?? 0)
    return try inTurn {
      let loss = try policy.loss(of: Batch(request.tensors), random: random)
      var answer = CoreAnswer(tensors: ["total": loss.total])
      for (name, metric) in loss.metrics { answer.tensors[name] = try metric.detached() }
      return answer
    }
  }

  func history() throws -> CoreAnswer {
    CoreAnswer(json: ["history": inTurn { policy.history?.json } ?? .null])
  }

  func actions(_ request: CoreRequest) throws -> CoreAnswer {
    let random = CountedRandom(seed: try request.integer("seed"), "python-planning")
    let rows = try Batch(request.tensors).require(BatchKey.state).size(0)
    return try inTurn {
      let actions = try policy.actionChunk(
        for: Batch(request.tensors), random: (0..<rows).map { random.at($0) })
      return CoreAnswer(tensors: [BatchKey.action: actions])
    }
  }
}

extension ObservationHistory {
  /// `{"camera", "frames"}`.
  var json: JSON { ["camera": .string(camera), "frames": .integer(frames)] }
}
