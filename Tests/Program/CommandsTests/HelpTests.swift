import Foundation
import ModelFiles
import Testing

struct HelpTests {
  private static let commands = [
    "train", "eval", "ablate", "precompute", "record", "scratch", "probe", "replay", "matrix", "report",
    "watch", "reproduce", "doctor", "inspect", "merge",
  ]

  private func help(_ arguments: [String], columns: Int = 100) throws -> [String] {
    let outcome = try Program.run(
      arguments + ["--help"], in: FileManager.default.temporaryDirectory, environment: ["COLUMNS": "\(columns)"])
    #expect(outcome.status == 0 && outcome.errors.isEmpty, "\(outcome.errors)")
    return outcome.output.split(separator: "\n").map(String.init)
  }

  @Test(arguments: commands) func `gives every setting type, line and default, within the width`(command: String) throws
  {
    let lines = try help([command], columns: 90)
    #expect(lines.first?.hasPrefix("usage: lerobot-wm \(command)") == true)
    let settings = lines.drop { $0 != "options:" }.prefix { $0 != "examples:" }
    #expect(lines.allSatisfy { $0.count <= 90 }, "\(lines.filter { $0.count > 90 })")
    // From one flag to the next there is what it is for and its default.
    var open: String?
    var text = ""
    func close() {
      if let open { #expect(text.contains("default: ") && text.count > 20, "\(open) \(text)") }
    }
    for line in settings.drop(while: { !$0.hasSuffix("Config:") && !$0.hasSuffix("']:") }) {
      if line.hasPrefix("  --") || !line.hasPrefix(" ") {
        close()
        (open, text) = (line.hasPrefix(" ") ? line : nil, line)
      } else {
        text += line
      }
    }
    close()
  }

  @Test func `says what a command's profile is of`() throws {
    for (command, steps) in [("train", "updates"), ("eval", "plans"), ("precompute", "encoded batches")] {
      let text = try help([command]).joined(separator: " ").split(separator: " ").joined(separator: " ")
      #expect(text.contains("a trace of the first 20 \(steps), which"), "\(command)")
    }
  }

  @Test func `names what may stand before the flags`() throws {
    for (command, operand) in [
      ("doctor", "PATH …"), ("report", "RUNS"), ("watch", "RUNS"), ("reproduce", "EVAL_INFO"),
      ("matrix", "status OUTPUT_ROOT"),
    ] {
      let lines = try help([command])
      #expect(lines[0].hasPrefix("usage: lerobot-wm \(command) [-h] [\(operand)] [--name value"))
      let arguments = try #require(lines.firstIndex(of: "arguments:"))
      #expect(lines[arguments + 1].hasPrefix("  \(operand) "), "\(lines)")
    }
  }

  @Test func `says how to see the settings of other types, and is there behind any word`() throws {
    for command in ["train", "eval"] {
      let text = try help([command]).joined(separator: " ").split(separator: " ").joined(separator: " ")
      #expect(
        text.contains("--policy.type=smolvla_world --help and --env.type=libero --help list the settings of that type"))
    }
    #expect(try !help(["scratch"]).joined().contains("of that type"))
    #expect(try help(["matrix", "status"]) == help(["matrix"]))
    let wrong = try Program.run(
      ["train", "--policy.type=smolvla", "--policy.cache_dir=x"], in: FileManager.default.temporaryDirectory)
    #expect(wrong.errors == "lerobot-wm: --policy.cache_dir: is a setting of --policy.type=smolvla_world only\n")
  }

  @Test func `the version names the commit, and opens nothing`() throws {
    let outcome = try Program.run(["--version"], in: FileManager.default.temporaryDirectory)
    #expect(outcome.status == 0 && outcome.errors.isEmpty)
    let version = "lerobot-wm \(ProgramVersion.number), commit "
    #expect(outcome.output.hasPrefix(version) && outcome.output.dropFirst(version.count).first?.isHexDigit == true)
  }

  @Test func `a result that cannot be printed is an error`() throws {
    try Fixture.within { folder in
      for arguments in [["--version"], ["train", "--help"]] {
        let outcome = try Program.shell("lerobot-wm \"$0\" \"$@\" >/dev/full", arguments, in: folder).wait()
        #expect(outcome.status == 1 && outcome.errors.contains("No space left"), "\(outcome.errors)")
      }
    }
  }

  /// The groups that `lerobot-train --help` and `lerobot-eval --help` have for these parts, in their order.
  @Test func `has LeRobot's groups`() throws {
    func groups(_ lines: [String]) -> [String] { lines.filter { !$0.hasPrefix(" ") && $0.hasSuffix(":") } }
    #expect(
      groups(try help(["train", "--env.type=libero"])) == [
        "options:", "TrainPipelineConfig:", "DatasetConfig ['dataset']:",
        "ImageTransformsConfig ['dataset.image_transforms']:", "EnvConfig ['env']:", "LiberoEnv ['env']:",
        "PreTrainedConfig ['policy']:", "SmolVLAConfig ['policy']:", "OptimizerConfig ['optimizer']:",
        "LRSchedulerConfig ['scheduler']:", "EvalConfig ['eval']:", "WandBConfig ['wandb']:",
        "PeftConfig ['peft']:", "GradientAccumulationConfig ['accelerator.gradient_accumulation']:",
        "EMAConfig ['ema']:",
        "examples:",
      ])
  }

  /// That no engine is opened is why the answer comes at once; `Benchmarks/cold_start.sh` measures it.
  @Test func `opens no engine`() throws {
    try Fixture.within { folder in
      let trace = ["LD_DEBUG": "libs"]
      func engines(_ arguments: [String]) throws -> Bool {
        let outcome = try Program.run(arguments, in: folder, environment: trace)
        try #require(outcome.status == 0 && outcome.errors.contains("calling init"))
        return outcome.errors.split(separator: "\n").contains { line in
          line.contains("calling init") && ["libtorch", "libmujoco", "libarrow"].contains { line.contains($0) }
        }
      }
      let ofHelp = try engines(["train", "--help"])
      let ofTraining = try engines(["train", "--output_dir=out"] + Flags.train + ["--steps=1"])
      #expect(!ofHelp && ofTraining)
    }
  }
}
