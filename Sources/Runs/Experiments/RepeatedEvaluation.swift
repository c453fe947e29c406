import Foundation
import ModelFiles

/// An evaluation that was run again, compared with the recorded one.
public struct RepeatedEvaluation: Sendable {
  /// Episodes that ended differently, each in one sentence; empty if the evaluation was reproduced.
  public let differences: [String]
  /// Entries of the protocol that are not as they were, such as the engines' versions.
  public let changes: [RecordDifference]
  /// Whether the recorded file's outcomes are those that its digest is of.
  public let isUnchanged: Bool
  /// The episodes that were compared.
  public let episodes: Int

  /// Compares two `eval_info.json`.
  public init(recorded: URL, repeated: URL) throws {
    let (one, other) = (try RecordedEvaluation(recorded), try RecordedEvaluation(repeated))
    isUnchanged = one.isUnchanged
    episodes = one.episodes.count
    changes = RecordDifferences.between(
      one.manifest, other.manifest, ignoring: IncidentalEntries.ofRepeatedEvaluation(one.manifest))
    guard one.tasks == other.tasks, one.episodes.count == other.episodes.count else {
      differences = [
        "\(one.episodes.count) episodes of \(one.tasks.listed) were recorded, \(other.episodes.count) of "
          + "\(other.tasks.listed) were run"
      ]
      return
    }
    differences = zip(one.episodes, other.episodes).compactMap { before, now in
      guard (before.isSuccess, before.steps, before.instruction) != (now.isSuccess, now.steps, now.instruction) else {
        return nil
      }
      let place = "\(before.task), episode \(before.index)"
      guard before.ending != now.ending else {
        return "\(place): told \"\(before.instruction ?? "")\" as recorded, now \"\(now.instruction ?? "")\""
      }
      return "\(place): \(before.ending) recorded, now \(now.ending)"
    }
  }
}

extension RecordedEvaluation.Episode {
  /// `success after 31 steps`
  fileprivate var ending: String {
    (isSuccess ? "success" : "no success") + (steps.map { " after \($0) steps" } ?? "")
  }
}
