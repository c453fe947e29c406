import Foundation

/// One run of the matrix: an arm with a training seed, on one GPU.
public struct MatrixJob: Sendable, Equatable {
  /// A process of the job.
  public struct Stage: Sendable, Equatable {
    /// What it does, for messages: `training`.
    public let name: String
    /// The command line after the program's name.
    public let arguments: [String]

    public init(_ name: String, _ arguments: [String]) {
      self.name = name
      self.arguments = arguments
    }
  }

  public let experiment: Experiment
  public let seed: Int
  /// An index or UUID of the GPU, as its driver counts.
  public let gpu: String
  /// Whether the job computes on the CPU, and `gpu` is only the name of a slot.
  public var isOnCPU = false
  /// What is left to do, in order; empty if everything exists already.
  public var stages: [Stage] = []

  /// `GPU 1` or `CPU slot 1`.
  public var place: String { "\(isOnCPU ? "CPU slot" : "GPU") \(gpu)" }

  /// `E2_seed0`, the run's folder.
  public var name: String { "\(experiment.rawValue)_seed\(seed)" }

  /// Every arm with every seed, over the GPUs in turn.
  public static func all(
    _ experiments: [Experiment], seeds: [Int], gpus: [String], isOnCPU: Bool = false
  ) -> [MatrixJob] {
    let runs = seeds.flatMap { seed in experiments.map { ($0, seed) } }
    return runs.enumerated().map { index, run in
      MatrixJob(experiment: run.0, seed: run.1, gpu: gpus[index % gpus.count], isOnCPU: isOnCPU)
    }
  }

  /// The variables that let the job's processes see this GPU and no other.
  public var visibility: GPUVisibility { GPUVisibility(only: gpu) }
}
