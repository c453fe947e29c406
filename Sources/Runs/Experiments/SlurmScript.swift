import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// A job array of Slurm: stages of one kind that wait for the same jobs.
///
/// A stage's index in the array is that of its subject in the experiment, so that a task of one array can wait for the
/// task of another array with the same index.
struct SlurmScript: Sendable, Equatable {
  /// The job's name, by which the queue is asked for it.
  let name: String
  let stages: OrderedDictionary<Int, Stage>
  /// What it waits for: `aftercorr:17`.
  let dependencies: [String]

  /// Seconds before the time limit at which a job is told to save and is queued again.
  static let warningSeconds = 120

  /// The options of the submission, without the user's.
  func options(root: URL, workingDirectory: String) -> [String] {
    // A percent sign in a file name begins a pattern.
    let output = root.path.replacingOccurrences(of: "%", with: "%%") + "/slurm/%x-%a.out"
    var options = [
      "--parsable", "--requeue", "--open-mode=append", "--job-name=\(name)", "--chdir=\(workingDirectory)",
      "--output=\(output)", "--signal=B:USR1@\(Self.warningSeconds)",
      "--array=\(stages.keys.map(String.init).joined(separator: ","))",
    ]
    if !dependencies.isEmpty {
      options += ["--dependency=\(dependencies.joined(separator: ","))", "--kill-on-invalid-dep=yes"]
    }
    return options
  }

  /// The script that each task of the array runs: it chooses its stage and continues what is there.
  func text(executable: String, programName: String, root: URL) -> String {
    let cases = stages.map { index, stage -> String in
      let log = StageLog(of: stage, in: root)
      func words(_ list: [String]) -> String { "(" + list.map(shellQuoted).joined(separator: " ") + ")" }
      return """
          \(index))
            log=\(shellQuoted(log.url.path)) error=\(shellQuoted(log.errorFile.path))
            left=\(shellQuoted(stage.continuation?.file.path ?? ""))
            start=\(words(stage.arguments))
            continue=\(words(stage.continuation?.arguments ?? [])) ;;
        """
    }
    return """
      #!/bin/bash
      # \(stages.values.map(\.name).joined(separator: ", "))
      case $SLURM_ARRAY_TASK_ID in
      \(cases.joined(separator: "\n"))
        *) exit 1 ;;
      esac
      exec >>"$log" 2>&1
      rm -f "$error"
      export \(StageLog.errorFileVariable)="$error"
      # What an earlier start of this job left is continued.
      if [ -n "$left" ] && [ -e "$left" ]; then set -- "${continue[@]}"; else set -- "${start[@]}"; fi
      echo "== $(date -u +%Y-%m-%dT%H:%M:%SZ) job $SLURM_JOB_ID on $(hostname): \(programName) $*"
      \(shellQuoted(executable)) "$@" &
      program=$!
      # A job that is ended or preempted: Slurm signals the program itself, which saves; this shell waits for it.
      trap : TERM
      # Shortly before the time limit only this shell gets a signal: the program saves, and the job is queued again.
      trap 'again=yes; kill -TERM "$program"' USR1
      wait "$program"
      while kill -0 "$program" 2>/dev/null; do wait "$program"; done
      wait "$program"
      status=$?
      [ -z "${again:-}" ] || [ "$status" = 0 ] || scontrol requeue "$SLURM_JOB_ID"
      [ "$status" = 0 ] || [ "$status" = 143 ] || [ -s "$error" ] || echo "exit status $status" >"$error"
      exit "$status"

      """
  }
}

/// The words of a line as a shell splits them at spaces outside quotes; nothing else of a shell is understood.
public func words(ofLine line: String) -> [String] {
  var words: [String] = []
  var word: String?
  var quote: Character?
  for character in line {
    if let open = quote {
      if character == open { quote = nil } else { word?.append(character) }
    } else if character == "'" || character == "\"" {
      quote = character
      word = word ?? ""
    } else if character.isWhitespace {
      if let done = word { words.append(done) }
      word = nil
    } else {
      word = (word ?? "") + String(character)
    }
  }
  return words + [word].compactMap(\.self)
}
