import Failures
import Foundation
import ModelFiles
import OrderedCollections

extension ReportPage {
  /// What was compared with what, the main settings of all runs side by side, and all settings in full.
  var checks: HTML {
    let columns = settingsColumns
    return """
      \(comparability)
      <h3>Main settings</h3>
      \(table(SettingsColumn.rows(of: columns), columns))
      <p class="muted">Adjacent runs with the same value share a cell.</p>
      <h3>All settings</h3>
      \(columns.map(documents))
      """
  }

  var settingsColumns: [SettingsColumn] {
    report.runs.runs.map(SettingsColumn.init) + [report.runs.random.map(SettingsColumn.init)].compactMap(\.self)
  }

  /// What was checked before arms were compared, and what the checks found.
  private var comparability: HTML {
    let lines = report.comparisons.map { comparison -> HTML in
      let pair: HTML = "<b>\(comparison.treatment) − \(comparison.baseline)</b>"
      switch comparison.result {
      case .success:
        let allowed =
          comparison.allowed.isEmpty ? "" : ", apart from \(comparison.allowed.joined(separator: ", ")), as allowed"
        return "<li>\(pair): <span class=\"good\">✓ alike in all that is compared</span>\(allowed)</li>"
      case .failure(let reason):
        return "<li>\(pair): <span class=\"bad\">✗ not comparable</span>: \(report.wording(message(of: reason)))</li>"
      }
    }
    let doubts = report.warnings.isEmpty ? "There is no warning." : "The warnings stand above, under the verdict."
    return """
      <p>Arms are compared only if everything that their runs recorded of training and evaluation agrees, entry by entry: \
      data, steps and samples, optimizer, processors, tasks, episodes, instructions, initial states, seeds, engines, hardware, \
      precision. Exempt are what an arm is (\(IncidentalEntries.ofArms.joined(separator: ", "))) and what \
      changes no result (\(IncidentalEntries.ofEvaluation.joined(separator: ", "))). Every evaluation must be \
      whole, unedited, and of the run's last checkpoint.</p>
      <ul>\(lines)</ul>
      <p>\(doubts)</p>
      <h3>Checks of the runs</h3>
      <ul>\(report.checksOfRuns.map(line))</ul>
      """
  }

  private func line(_ check: Check) -> HTML {
    let (style, sign) = check.outcome == .ok ? ("good", "✓") : check.outcome == .warning ? ("", "!") : ("bad", "✗")
    return "<li><b>\(check.name)</b>: <span class=\"\(style)\">\(sign)</span> \(report.wording(check.text))</li>"
  }

  func table(_ rows: [(name: String, values: [String?])], _ columns: [SettingsColumn]) -> HTML {
    guard !rows.isEmpty else { return "<p>Nothing of this was recorded.</p>" }
    let heads = columns.map { column -> HTML in "<th>\(column.name)</th>" }
    let lines = rows.map { row -> HTML in "<tr><th scope=\"row\">\(row.name)</th>\(cells(row.values))</tr>" }
    return """
      <div class="scroll" role="region" aria-label="settings by run" tabindex="0"><table class="settings"><thead><tr><th></th>\
      \(heads)</tr></thead><tbody>\(lines)</tbody></table></div>
      """
  }

  /// One cell for adjacent runs with the same value, so that differences stand out.
  private func cells(_ values: [String?]) -> [HTML] {
    var groups: [(value: String?, count: Int)] = []
    for value in values {
      if let last = groups.last, last.value == value {
        groups[groups.count - 1].count += 1
      } else {
        groups.append((value, 1))
      }
    }
    return groups.map { group in
      group.count == 1
        ? "<td>\(cell(group.value))</td>" : "<td class=\"shared\" colspan=\"\(group.count)\">\(cell(group.value))</td>"
    }
  }

  private func cell(_ value: String?) -> HTML {
    guard let value else { return "<span class=\"muted\">–</span>" }
    // The ends of a fingerprint tell it apart; the title has all of it.
    guard value.count > 44 else { return "\(value)" }
    return "<span title=\"\(value)\">\(String(value.prefix(20)))…\(String(value.suffix(16)))</span>"
  }

  private func documents(_ column: SettingsColumn) -> HTML {
    let parts = column.documents.map { name, json -> HTML in
      "<h4>\(name)</h4><pre tabindex=\"0\">\(json.text(.indented(2)))</pre>"
    }
    return
      "<details><summary>\(column.name)</summary>\(parts.isEmpty ? ["<p>Nothing was recorded.</p>"] : parts)</details>"
  }
}

struct SettingsColumn {
  let name: String
  let policy: JSON?, training: JSON?, record: JSON?, manifest: JSON?
  /// The durations of all updates and of the evaluation.
  let trainingSeconds: Double?, evaluationSeconds: Double?
  let documents: [(String, JSON)]

  init(_ run: RecordedRun) {
    name = run.name
    policy = run.policy
    training = run.training
    record = run.record
    manifest = run.evaluations["eval"]?.manifest
    trainingSeconds = run.updateSeconds
    evaluationSeconds = run.evaluations["eval"]?.seconds
    documents =
      [("train_config.json", run.training), ("config.json", run.policy)].compactMap { name, json in
        json.map { (name, $0) }
      }
      + run.evaluations.sorted { $0.key < $1.key }.map { ("\($0.key): protocol", $0.value.manifest) }
  }

  init(_ random: RecordedEvaluation) {
    name = "random"
    policy = nil
    training = nil
    record = nil
    manifest = random.manifest
    trainingSeconds = nil
    evaluationSeconds = random.seconds
    documents = [("protocol", random.manifest)]
  }

  /// The main settings, without those that no run recorded.
  static func rows(of columns: [SettingsColumn]) -> [(name: String, values: [String?])] {
    func row(_ name: String, _ value: (SettingsColumn) -> JSON?) -> (name: String, values: [String?])? {
      let values = columns.map { value($0).flatMap { $0 == .null || $0 == "" ? nil : $0.plain } }
      return values.allSatisfy { $0 == nil } ? nil : (name, values)
    }
    let ofPolicy = [
      ("dtype", "dtype"), ("chunk size", "chunk_size"), ("learning rate", "optimizer_lr"),
      ("memory in training", "world_memory_mode_train"),
      ("world loss weight λ", "lambda_world"), ("frames of context T", "context_frames"),
      ("frames predicted K", "future_offset"), ("latent dimension D", "world_latent_dim"),
      ("encoder", "world_vision_model_name"), ("latent suffix", "latent_suffix"),
      ("initialized from", "init_from_policy_path"),
    ]
    let ofEvaluation = [
      ("planner", "planner"), ("steps per plan (n_action_steps)", "n_action_steps"), ("evaluation seed", "seed"),
      ("episodes per task", "n_episodes"), ("evaluated on", "device"),
    ]
    return [
      row("policy") { $0.policy?["type"] ?? $0.manifest?.nearest("policy_type") },
      row("dataset") { $0.training?["dataset"]?["repo_id"] },
      row("training steps") { $0.training?["steps"] },
      row("batch size") { $0.training?["batch_size"] },
      row("training seed") { $0.training?["seed"] },
      row("trained on") { $0.training?["policy"]?["device"] ?? $0.policy?["device"] },
    ].compactMap(\.self)
      + ofPolicy.compactMap { name, key in row(name) { $0.policy?[key] } }
      + [
        // An evaluation may use another memory than the checkpoint's settings.
        row("memory at rollout") {
          $0.manifest?.nearest("world_memory_mode_rollout") ?? $0.policy?["world_memory_mode_rollout"]
        }
      ].compactMap(\.self)
      + ofEvaluation.compactMap { name, key in row(name) { $0.manifest?.nearest(key) } }
  }

  /// Everything under `versions`, and every fingerprint, of protocol and training configuration.
  static func versionRows(of columns: [SettingsColumn]) -> [(name: String, values: [String?])] {
    let found = columns.map { column -> OrderedDictionary<String, String> in
      var values: OrderedDictionary<String, String> = [:]
      for source in [column.manifest, column.training].compactMap(\.self) {
        for (key, value) in source.nearest("versions")?.object ?? [:] { values[key] = values[key] ?? value.plain }
        for (key, value) in source.fingerprints { values[key] = values[key] ?? value }
      }
      return values
    }
    var keys: [String] = []
    for key in found.flatMap(\.keys) where !keys.contains(key) { keys.append(key) }
    return keys.map { key in (key, found.map { $0[key] }) }
  }
}

extension JSON {
  /// Every text whose key, or whose object's key, speaks of a fingerprint or a SHA-256.
  fileprivate var fingerprints: [(String, String)] {
    guard let members = object else { return [] }
    return members.flatMap { key, value -> [(String, String)] in
      guard key.contains("fingerprint") || key.contains("sha256") else { return value.fingerprints }
      if let inner = value.object { return inner.map { ("\(key): \($0)", $1.plain) } }
      return [(key, value.plain)]
    }
  }
}
