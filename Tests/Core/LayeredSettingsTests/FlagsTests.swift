import LayeredSettings
import ModelFiles
import Testing

struct FlagsTests {
  @Test func `arguments are split before their types are known`() {
    var arguments = Arguments(["sub", "--a=b=c", "--x.y", "-1", "--bare", "--empty=", "--a", "last", "-h"])
    #expect(arguments.positional == ["sub"])
    #expect(arguments.flags.map(\.name) == ["a", "x.y", "bare", "empty", "a", "help"])
    #expect(arguments.flags.map(\.text) == ["b=c", "-1", nil, "", "last", nil])
    #expect(arguments.wantsHelp)
    #expect(arguments.text(of: "none") == nil)
    #expect(arguments.take("a") == "last")
    #expect(arguments.text(of: "a") == nil)
  }

  @Test func `flags of every kind are understood`() throws {
    let train = try parsed(
      "--batch_size=32", "--resume", "--dataset.repo_id", "me/it", "--dataset.episodes=[0,1, 2]",
      "--dataset.cameras=[front, 'left wrist']", "--dataset.use_images=False",
      "--rename_map={\"a\":\"b\", \"c\":\"d\"}",
      "--policy.type=plain", "--policy.device", "cpu", "--policy.attention_mode=self_attn",
      "--policy.optimizer.lr=2e-5",
      "--policy.optimizer.betas=[0.8,0.9]", "--policy.chunk_size=6_0")
    #expect(train.batchSize == 32)
    #expect(train.resume)
    #expect(train.dataset.repoID == "me/it")
    #expect(train.dataset.episodes == [0, 1, 2])
    #expect(train.dataset.cameras == ["front", "left wrist"])
    #expect(!train.dataset.useImages)
    #expect(train.renameMap == ["a": "b", "c": "d"])
    #expect(train.plain?.device == "cpu")
    #expect(train.plain?.attention == .full)
    #expect(train.plain?.optimizer.lr == 2e-5)
    #expect(train.plain?.optimizer.betas == [0.8, 0.9])
    #expect(train.plain?.chunkSize == 60)
    #expect(try parsed("--rename_map={a: b}").renameMap == ["a": "b"])
    #expect(try parsed("--rename_map={}", "--dataset.cameras=[]").dataset.cameras == [])
    #expect(try parsed("--batch_size=1", "--batch_size=2").batchSize == 2)
    #expect(try parsed("--dataset.episodes=[1]", "--dataset.episodes=null").dataset.episodes == nil)
  }

  @Test func `an absent section comes up with its first flag`() throws {
    #expect(try parsed().eval == nil)
    #expect(try parsed("--eval.n_episodes=3").eval?.episodes == 3)
    #expect(try parsed("--eval.n_episodes=3", "--eval=null").eval == nil)
  }

  @Test func `the type of a section decides its flags, wherever it stands`() throws {
    let train = try parsed("--policy.memory=7", "--policy.type=world")
    #expect(train.world?.memory == 7)
    #expect(throws: ConfigurationError.self) { try parsed("--policy.memory=7") }
    #expect(throws: ConfigurationError.self) { try parsed("--policy.type=world", "--policy.device=cpu") }
  }

  @Test(arguments: [
    ("--policy.chunk_size=abc", "--policy.chunk_size: expected an integer, found \"abc\""),
    ("--policy.chunk_size=1.5", "--policy.chunk_size: expected an integer, found \"1.5\""),
    ("--policy.chunk_size", "--policy.chunk_size: expected an integer after the flag, found nothing"),
    ("--policy.optimizer.lr=fast", "--policy.optimizer.lr: expected a number, found \"fast\""),
    ("--resume=maybe", "--resume: expected true or false, found \"maybe\""),
    ("--policy.attention_mode=x", "--policy.attention_mode: expected one of cross_attn, self_attn, found \"x\""),
    ("--policy.type=pi0", "--policy.type: expected one of plain, world, found \"pi0\""),
    ("--dataset.episodes=[1,a]", "--dataset.episodes: expected an integer, found \"a\""),
    ("--dataset.episodes=1", "--dataset.episodes: expected a list whose every value is an integer, found 1"),
    ("--batchsize=1", "--batchsize: no such setting; did you mean --batch_size?"),
    ("--batch-size=1", "--batch-size: no such setting; did you mean --batch_size?"),
    ("--policy.devic=cpu", "--policy.devic: no such setting; did you mean --policy.device?"),
    ("--device=cpu", "--device: no such setting; did you mean --policy.device?"),
    ("--optimizer.lr=1", "--optimizer.lr: no such setting; did you mean --policy.optimizer.lr?"),
    ("--policy.memory=7", "--policy.memory: is a setting of --policy.type=world only"),
    ("--qqqqqqqqqqqq=1", "--qqqqqqqqqqqq: no such setting; --help lists all"),
    ("--policy.optimizer.lr=-1", "--policy.optimizer.lr: expected 1e-09 to 0.5, found -1.0"),
    ("--policy.optimizer.lr=nan", "--policy.optimizer.lr: expected 1e-09 to 0.5, found nan"),
    ("--policy.optimizer.betas=[0.9,2]", "--policy.optimizer.betas: expected 0 to 1, found 2.0"),
    ("--dataset.episodes=[1,-2]", "--dataset.episodes: expected 0 to 100 or null, found -2"),
    ("--batch_size=9223372036854775807", "--batch_size: expected 1 to 1024, found 9223372036854775807"),
    ("stray", "expected flags only, found \"stray\""),
    ("--eval=5", "--eval: expected null, or a flag --eval.…, found \"5\""),
  ])
  func `what is wrong is told in one sentence`(flag: String, sentence: String) {
    let error = #expect(throws: ConfigurationError.self) { try parsed(flag) }
    #expect(error?.description == sentence)
  }

  @Test func `help shows every setting, its value, and keeps to the width`() throws {
    let help = Configured<Train>().help(
      usage: "train [--name=value …]", summary: "learns", also: [("config_path str", "settings from a file")],
      examples: ["train --batch_size=4"])
    for line in [
      "usage: train [--name=value …]", "learns", "options:",
      "  --config_path str                       settings from a file", "Train:",
      "  --batch_size int                        samples per step (1 to 1024, default: 8)", "Dataset ['dataset']:",
      "  --dataset.episodes [List]               which to use (0 to 100, default: null)", "Policy ['policy']:",
      "  --policy.type {plain,world}             kind of policy (default: plain)", "Plain ['policy']:",
      "  --policy.attention_mode {cross_attn,self_attn}",
      "                                          what the expert attends to (default: cross_attn)",
      "Optimizer ['policy.optimizer']:",
      "  --policy.optimizer.betas List           decay of the first and of the second moment, both from 0",
      "                                          to 1, as in the paper (0 to 1, default: [0.9,0.95])",
      "  train --batch_size=4",
    ] {
      #expect(help.split(separator: "\n").map(String.init).contains(line), "\(line)\n\(help)")
    }
    for width in [60, 80, 100, 120] {
      let lines = Configured<Train>().help(usage: "train", width: width).split(separator: "\n")
      #expect(lines.allSatisfy { $0.count <= width })
    }
    var long = Configured<Train>()
    try long.apply(
      Arguments(["--rename_map={" + (10...40).map { "observation\($0): image\($0)" }.joined(separator: ",") + "}"]))
    let example = "train --rename_map={\"a\":\"b c\"} --dataset.episodes=[0,1] --policy.optimizer.lr=1e-4"
    let text = long.help(usage: "train", examples: [example], width: 60)
    #expect(text.split(separator: "\n").allSatisfy { $0.count <= 60 } && text.contains("\"image40\"})"))
    // What stands there can be pasted into a shell.
    #expect(
      text.hasSuffix(
        "  train --rename_map={\"a\":\"b c\"} \\\n    --dataset.episodes=[0,1] --policy.optimizer.lr=1e-4\n"))
    #expect(Configured<Train>().help(usage: "train", width: 10) == Configured<Train>().help(usage: "train", width: 60))
    #expect(Configured<Train>().help(usage: "train", emphasis: true).contains("\u{1B}[1mTrain:\u{1B}[0m"))
  }

  @Test(arguments: [
    ("true", true), ("True", true), ("yes", true), ("ON", true), ("false", false), ("FALSE", false), ("no", false),
    ("off", false),
  ])
  func `truth has YAML's words`(text: String, value: Bool) throws {
    #expect(try parsed("--resume=\(text)").resume == value)
    #expect(try parsed("--resume", text).resume == value)
    #expect(throws: ConfigurationError.self) { try parsed("--resume=1") }
  }
}
