import Foundation

/// One episode as every arm played it with one training seed.
struct PairedEpisode: Sendable {
  struct Play: Sendable {
    let experiment: String
    /// The run's name, such as `E2_seed0`.
    let run: String
    let episode: RecordedEvaluation.Episode
  }

  let seed: Int
  /// In the order of the arms.
  let plays: [Play]

  var task: String { plays[0].episode.task }
  var index: Int { plays[0].episode.index }
  var instruction: String? { plays[0].episode.instruction }
  var arms: Set<String> { Set(plays.map(\.experiment)) }

  /// Whether some arms reached the goal and others did not.
  var isDisputed: Bool { Set(plays.map(\.episode.isSuccess)).count > 1 }
  /// Whether every arm's play was filmed.
  var isFilmed: Bool { plays.allSatisfy { $0.episode.video != nil } }
}

extension RecordedRuns {
  /// The episodes of all seeds that at least two arms played, by seed, task and number; of whole evaluations only.
  var pairedEpisodes: [PairedEpisode] {
    struct Key: Hashable {
      let task: String, index: Int
    }
    let seeds = Set(runs.map(\.seed)).sorted()
    return seeds.flatMap { seed -> [PairedEpisode] in
      let own = runs.filter { $0.seed == seed }.compactMap { run in
        (try? run.wholeEvaluation()).map { (run, $0.episodes) }
      }
      let places = own.map { run, episodes in
        (run, Dictionary(episodes.map { (Key(task: $0.task, index: $0.index), $0) }) { $1 })
      }
      return (own.first?.1 ?? []).compactMap { episode in
        let plays = places.compactMap { run, episodes in
          episodes[Key(task: episode.task, index: episode.index)].map {
            PairedEpisode.Play(experiment: run.experiment, run: run.name, episode: $0)
          }
        }
        return plays.count > 1 ? PairedEpisode(seed: seed, plays: plays) : nil
      }
    }
  }
}

extension Sequence<PairedEpisode> {
  /// The first `count`, of different tasks as far as possible.
  func spread(_ count: Int) -> [PairedEpisode] {
    var seen: Set<String> = []
    var first: [PairedEpisode] = [], others: [PairedEpisode] = []
    for episode in self {
      if seen.insert(episode.task).inserted { first.append(episode) } else { others.append(episode) }
    }
    return Array((first + others).prefix(count))
  }
}
