import Foundation
import LayeredSettings
import ModelFiles
import RunLogs

/// `--wandb.…`, LeRobot's `WandBConfig`.
struct WandBSection: ConfigurationSection {
  @Setting("enable", help: "log to Weights & Biases; give --wandb.mode=offline with it") var isEnabled = false
  @Setting("disable_artifact", help: "no effect: checkpoints are never uploaded") var disablesArtifact = false
  @Setting("project", help: "the run's project") var project = "lerobot"
  @Setting("entity", help: "the user or team that the project belongs to; null for your own") var entity: String?
  @Setting("notes", help: "what people read of the run") var notes: String?
  @Setting("run_id", help: "the run's identifier; null for a new one, and a resumed run keeps its own") var runID:
    String?
  @Setting("mode", help: "offline or disabled; null for $WANDB_MODE, and without that online") var mode: String?

  func validate() throws(ConfigurationError) {
    if let runID, !WandBDescription.isRunID(runID) {
      throw ConfigurationError("run_id", "expected up to 64 letters, digits, - and _, found \"\(runID)\"")
    }
    if let mode, !["online", "offline", "disabled"].contains(mode) {
      throw ConfigurationError("mode", "expected online, offline or disabled, found \"\(mode)\"")
    }
  }

  /// Whether a run is to be written, as flags and then `WANDB_MODE` have it.
  ///
  /// - Throws: in online mode, which this program does not have.
  func writesRun(environment: [String: String]) throws(ConfigurationError) -> Bool {
    guard isEnabled, !project.isEmpty else { return false }
    let variable = environment["WANDB_MODE"].flatMap { $0.isEmpty ? nil : $0 }
    switch mode ?? variable ?? "online" {
    case "offline", "dryrun": return true
    case "disabled": return false
    default:
      throw ConfigurationError(
        "wandb.mode",
        "nothing is sent to Weights & Biases while training; give --wandb.mode=offline, and afterwards run "
          + "`wandb sync OUTPUT_DIR/wandb/latest-run`")
    }
  }
}

extension TrainSettings {
  /// The W&B run under LeRobot's name and tags, or nil where none is to be written.
  func wandbDescription(_ configuration: JSON) -> WandBDescription? {
    guard let runID = wandb.runID else { return nil }
    var description = WandBDescription(runID: runID, name: name, configuration: configuration)
    description.project = wandb.project
    description.entity = wandb.entity
    description.notes = wandb.notes
    let tags = ["policy:\(policy.type)", "seed:\(seed)", "dataset:\(dataset.repoID)"]
    // The service refuses longer tags.
    description.tags = (tags + (environment.map { ["env:\($0.type)"] } ?? [])).map { String($0.prefix(64)) }
    return description
  }
}
