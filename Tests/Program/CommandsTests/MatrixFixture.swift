import Foundation
import ModelFiles
import Testing

/// The smallest experiment that still is one, and what must be the same of two that were run differently.
enum MatrixFixture {
  /// Writes `experiment.yaml`: E0, E1 and E2 with some seeds, results in `output`.
  static func write(
    in folder: URL, output: String, seeds: String = "[0]", steps: Int = 6, saveEvery: Int = 3, more: String = ""
  ) throws {
    let text = """
      output_root: "\(output)"
      seeds: \(seeds)
      gpu_ids: [0, 1]
      num_compute_threads: 1
      num_workers: 1
      dataset: {repo_id: shapes, root: data}
      policy:
        device: cpu
        vlm_model_name: models/backbone
        num_vlm_layers: 2
        resize_imgs_with_padding: [16, 16]
        chunk_size: 4
        n_action_steps: 2
        max_state_dim: 4
        max_action_dim: 4
        expert_width_multiplier: 1.0
        num_steps: 2
        freeze_vision_encoder: false
        train_expert_only: false
        optimizer_lr: 1e-3
        dataset_repo_id: shapes
        cache_dir: cache
        latent_suffix: m2
        world_latent_dim: 16
        context_frames: 2
        future_offset: 2
        world_inject_num_heads: 2
        prophet_heads: 2
        world_vision_model_name: models/encoder
      batch_size: 4
      steps: \(steps)
      save_freq: \(saveEvery)
      log_freq: 1
      env: {type: shapes, task: push_side, image_size: 16}
      eval: {n_episodes: 3, batch_size: 2, max_episodes_rendered: 0}
      ablations: [zero, signflip, garbled_instruction]
      \(more)
      """
    try Data(text.utf8).write(to: folder.appendingPathComponent("experiment.yaml"))
  }

  static let command = ["matrix", "--config_path=experiment.yaml"]

  /// Expects that two experiments ended with the same bits, apart from times.
  static func expectEqual(_ one: URL, _ other: URL, runs: [String]) throws {
    for run in runs {
      let (mine, theirs) = (one.appendingPathComponent(run), other.appendingPathComponent(run))
      #expect(try lastState(mine) == lastState(theirs), "\(run): weights")
      #expect(try metrics(mine) == metrics(theirs), "\(run): metrics")
    }
    let ablations = runs.flatMap { run in
      one.appendingPathComponent("\(run)/eval/ablations").names().filter { $0 != "ablations.json" }.map {
        "\(run)/eval/ablations/\($0)"
      }
    }
    // Those of the memory only where there is one that is not what they put in its place.
    #expect(ablations.count == runs.reduce(0) { $0 + ["E0": 1, "E1": 2, "E2": 3][$1.prefix(2), default: 0] })
    for evaluation in runs.map({ "\($0)/eval" }) + ablations + ["random"] {
      let documents = try [one, other].map {
        try JSON(contentsOf: $0.appendingPathComponent("\(evaluation)/eval_info.json"))
      }
      #expect(documents[0]["per_task"] == documents[1]["per_task"], "\(evaluation)")
      #expect(documents[0]["outcomes_sha256"]?.string != nil)
      #expect(documents[0]["outcomes_sha256"] == documents[1]["outcomes_sha256"], "\(evaluation)")
    }
    let reports = try [one, other].map { timeless(try JSON(contentsOf: $0.appendingPathComponent("report.json"))) }
    #expect(reports[0]["results"]?.array?.isEmpty == false)
    #expect(reports[0] == reports[1])
  }

  /// A report without what a clock decides.
  private static func timeless(_ json: JSON) -> JSON {
    switch json {
    case .object(var members):
      for key in ["update_s", "dataloading_s", "step_s", "samples_per_s"] { members[key] = nil }
      return .object(members.mapValues(timeless))
    case .array(let elements): return .array(elements.map(timeless))
    default: return json
    }
  }
}

/// The processes that a launcher of a matrix reported.
func reportedProcesses(_ errors: String) -> [pid_t] {
  errors.split(separator: "\n").compactMap { line in
    line.contains(", process ") ? line.split(separator: " ").last.flatMap { pid_t($0) } : nil
  }
}
