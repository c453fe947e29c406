import EngineLoading
import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import TestSupport
import Testing

/// Something wrong that a user may bring, and what must be said of it.
struct BadInput: Sendable, CustomTestStringConvertible {
  let testDescription: String
  let arguments: [String]
  /// What the sentence must hold.
  let says: [String]
  /// Parts of the fixture that `damage` changes.
  let copied: [String]
  let environment: [String: String]
  let damage: @Sendable (URL) throws -> Void

  init(
    _ description: String, _ arguments: [String], says: String..., copying copied: [String] = [],
    environment: [String: String] = [:], damage: @escaping @Sendable (URL) throws -> Void = { _ in }
  ) {
    testDescription = description
    self.arguments = arguments
    self.says = says
    self.copied = copied
    self.environment = environment
    self.damage = damage
  }
}

struct BadInputTests {
  private static let train = ["train", "--output_dir=out"] + Flags.train
  private static let trainWorld = train + Flags.world
  private static let evaluate = Flags.evaluate + ["--output_dir=out", "--policy.path=\(Flags.checkpoint)"]
  private static let record = ["record", "--dataset.num_episodes=1"] + Flags.environment
  private static let parquet = "data/data/chunk-000/file-000.parquet"
  private static let weights = Flags.checkpoint + "/model.safetensors"
  private static let latents = "cache/shapes/train_world_latents_vjepa_m2.fp16.npy"

  private static let replay = [
    "replay", "--env.type=libero", "--env.task=libero_spatial", "--env.task_ids=[0]",
  ]
  private static let commandLines = [
    BadInput("an unknown flag", train + ["--batchsize=3"], says: "--batchsize", "--batch_size"),
    BadInput("an unknown flag of the policy", train + ["--policy.chunksize=3"], says: "--policy.chunk_size"),
    BadInput(
      "a setting of another policy", train + ["--policy.type=smolvla", "--policy.cache_dir=x"],
      says: "--policy.type=smolvla_world"),
    BadInput(
      "a run's folder", Flags.evaluate + ["--output_dir=out", "--policy.path=E0"],
      says: "/E0 is not a checkpoint", "/E0/checkpoints/last/pretrained_model"),
    BadInput(
      "a step's folder", train + ["--policy.path=E0/checkpoints/last"],
      says: "/last is not a checkpoint", "/E0/checkpoints/last/pretrained_model"),
    BadInput(
      "a mistyped folder", Flags.evaluate + ["--output_dir=out", "--policy.path=runs/E9_seed0"],
      says: "there is no folder runs/E9_seed0 here"),
    BadInput(
      "no backbone", train + ["--policy.vlm_model_name=HuggingFaceTB/SmolVLM2-500M-Video-Instruct"],
      says: "--policy.vlm_model_name=FOLDER", "lerobot-wm scratch", environment: ["HF_HOME": "empty"]),
    BadInput("actions of nowhere", replay, says: "--actions", "--dataset.root"),
    BadInput("actions of two places", replay + ["--actions=a.npy", "--dataset.root=data"], says: "either --actions"),
    BadInput("actions of another robot", replay + ["--dataset.root=data"], says: "2 numbers", "takes 7"),
    BadInput("an unknown command", ["trian"], says: "trian", "did you mean train?"),
    BadInput("an unknown kind of policy", train + ["--policy.type=act"], says: "--policy.type", "smolvla_world"),
    BadInput("a number that is none", train + ["--policy.optimizer_lr=abc"], says: "--policy.optimizer_lr", "abc"),
    BadInput("no updates", train + ["--steps=0"], says: "--steps"),
    BadInput("a batch without a bound", train + ["--batch_size=1099511627776"], says: "--batch_size: expected 1 to"),
    BadInput("threads below none", train + ["--num_compute_threads=-1"], says: "--num_compute_threads: expected 0 to"),
    BadInput(
      "threads without a bound", evaluate + ["--num_compute_threads=2147483648"],
      says: "--num_compute_threads: expected"),
    BadInput(
      "loaders without a bound", train + ["--num_workers=9223372036854775807"], says: "--num_workers: expected 0 to 256"
    ),
    BadInput(
      "episodes without a bound", evaluate + ["--eval.n_episodes=9223372036854775807"],
      says: "--eval.n_episodes: expected 1 to"),
    BadInput(
      "clips without a bound", Flags.precompute + ["--cache_dir=out", "--batch_size=9223372036854775807"],
      says: "--batch_size: expected 1 to"),
    BadInput("no episodes", train + ["--dataset.episodes=[]"], says: "--dataset.episodes"),
    BadInput("an episode that is not there", train + ["--dataset.episodes=[99]"], says: "--dataset.episodes", "99"),
    BadInput("a device that is not there", train + ["--policy.device=cuda:77"], says: "--policy.device"),
    BadInput(
      "a device that is not there, said before the data are opened",
      Flags.precompute + ["--cache_dir=out", "--dataset_root=nowhere", "--device=cuda:77"], says: "--device=cuda:77"),
    BadInput(
      "batches that outgrow every number in between",
      train + ["--batch_size=1048576", "--policy.resize_imgs_with_padding=[4096,4096]", "--num_workers=256"],
      says: "--batch_size=1048576 needs at least", "of memory"),
    BadInput("nothing to evaluate", Flags.evaluate + ["--output_dir=out"], says: "--policy.path"),
    BadInput(
      "a checkpoint that is not there", Flags.evaluate + ["--output_dir=out", "--policy.path=nowhere"], says: "nowhere"),
    BadInput("a task twice", evaluate + ["--env.task=push_side,push_side"], says: "--env.task names push_side twice"),
    BadInput(
      "a recording of an episode that is not played", evaluate + ["--eval.recorded_episodes=[0,2]"],
      says: "--eval.recorded_episodes", "--eval.n_episodes=2, found 2"),
    BadInput("an unknown task", evaluate + ["--env.task=push_sid"], says: "push_sid", "push_side"),
    BadInput(
      "a camera that the policy lacks",
      evaluate + [#"--rename_map={"observation.images.image":"observation.images.a"}"#],
      says: "observation.images.image,", "--rename_map"),
    BadInput(
      "a dataset without a state", train + [#"--rename_map={"observation.state":"state"}"#], says: "--rename_map"),
    BadInput("a resume of no run", ["train", "--resume"] + Flags.train, says: "--output_dir: is needed with --resume"),
    BadInput("nothing to resume", ["train", "--output_dir=out", "--resume"], says: "start without --resume"),
    BadInput("heads that divide by zero", ["scratch", "--output_dir=out", "--num_heads=0"], says: "--num_heads"),
    BadInput("an image between patches", ["scratch", "--output_dir=out", "--image_size=17"], says: "--image_size"),
    BadInput("a dataset that is not there", train + ["--dataset.root=nowhere"], says: "nowhere", "--dataset.root"),
    BadInput(
      "a camera that the dataset lacks", Flags.precompute + ["--cache_dir=out", "--image_key=observation.images.top"],
      says: "--image_key", "observation.images.image2"),
  ]

  private static let brokenFiles = [
    BadInput("a truncated Parquet file", train, says: parquet, copying: ["data"]) {
      try truncate($0, parquet, to: 300)
    },
    BadInput("a Parquet file without its end", train, says: parquet, copying: ["data"]) { folder in
      try truncate(folder, parquet, to: folder.appendingPathComponent(parquet).bytes().count - 20)
    },
    BadInput("truncated metadata", train, says: "info.json", copying: ["data"]) {
      try truncate($0, "data/meta/info.json", to: 100)
    },
    BadInput("truncated weights", evaluate, says: weights, "truncated", copying: ["E0"]) {
      try truncate($0, weights, to: 5000)
    },
    BadInput("weights of another shape", evaluate, says: weights, "of another shape", "state_proj", copying: ["E0"]) {
      try change($0, weights) { $0["model.state_proj.weight"] = try Tensor.zeros([3, 5], dtype: .float32) }
    },
    BadInput("a missing weight", evaluate, says: weights, "missing: model.state_proj.weight", copying: ["E0"]) {
      try change($0, weights) { $0["model.state_proj.weight"] = nil }
    },
    BadInput("a weight too many", evaluate, says: weights, "unexpected: extra", copying: ["E0"]) {
      try change($0, weights) { $0["extra"] = try Tensor.zeros([2], dtype: .float32) }
    },
    BadInput("a truncated tokenizer", evaluate, says: "tokenizer.json", copying: ["E0"]) {
      try truncate($0, Flags.checkpoint + "/backbone/tokenizer.json", to: 300)
    },
    BadInput("a state file outside the checkpoint", evaluate, says: "../x.safetensors", copying: ["E0"]) {
      try replace($0, "policy_preprocessor_step_5_normalizer_processor.safetensors", "../x.safetensors")
    },
    BadInput("a processor step that is not supported", evaluate, says: "the step odd_step", copying: ["E0"]) {
      try replace($0, "smolvla_new_line_processor", "odd_step")
    },
    BadInput("an optimizer's state that does not fit", resume, says: "optimizer_state.safetensors", copying: ["E0"]) {
      let file = "E0/checkpoints/last/training_state/optimizer_state.safetensors"
      try change($0, file) { state in
        for name in state.keys where name.hasSuffix("exp_avg") { state[name] = try Tensor.zeros([7], dtype: .float32) }
      }
    },
  ]
  private static let finishedRuns = [
    BadInput("fewer updates than were made", resume + ["--steps=3"], says: "at step 6", "--steps=3", copying: ["E0"]),
    BadInput("a step that is none", resume, says: "training_step.json", copying: ["E0"]) {
      try Data("{\"step\": -1}".utf8).write(
        to: $0.appendingPathComponent("E0/checkpoints/last/training_state/training_step.json"))
    },
    BadInput("a step far away", resume, says: "of step 99999999", copying: ["E0"]) {
      try Data("{\"step\": 99999999}".utf8).write(
        to: $0.appendingPathComponent("E0/checkpoints/last/training_state/training_step.json"))
    },
    BadInput(
      "weights of another run", resume, says: "model.safetensors", "written with this checkpoint", copying: ["E0"]
    ) {
      try change($0, weights) { $0["model.state_proj.bias"] = try $0["model.state_proj.bias"]?.zerosLike() }
    },
    BadInput(
      "weights of another run, evaluated", evaluate, says: "model.safetensors", "checkpoint_sha256.json",
      copying: ["E0"]
    ) {
      try change($0, weights) { $0["model.state_proj.bias"] = try $0["model.state_proj.bias"]?.zerosLike() }
    },
    BadInput("half an optimizer's state", resume, says: "optimizer_state.safetensors", "restore it", copying: ["E0"]) {
      try truncate($0, "E0/checkpoints/last/training_state/optimizer_state.safetensors", to: 20_000)
    },
  ]
  private static let resume = ["train", "--output_dir=E0", "--resume", "--steps=12"]

  private static let caches = [
    BadInput(
      "no latents", trainWorld + ["--policy.latent_suffix=m4"], says: "lerobot-wm-precompute", "--policy.latent_suffix"),
    BadInput(
      "latents of another dimension", trainWorld + ["--policy.world_latent_dim=24"],
      says: "--policy.world_latent_dim=16"),
    BadInput(
      "latents of another window", trainWorld + ["--policy.latent_suffix=m4"], says: "--temporal_window=4",
      "of 2 frames",
      copying: ["cache"]
    ) { folder in
      for end in ["", ".json"] {
        try FileManager.default.copyItem(
          atPath: folder.path + "/" + latents + end,
          toPath: folder.path + "/" + latents.replacingOccurrences(of: "m2", with: "m4") + end)
      }
    },
    BadInput(
      "latents of another dataset", trainWorld + ["--policy.dataset_repo_id=other"], says: "--policy.cache_dir",
      "other",
      copying: ["cache"]
    ) { folder in
      try FileManager.default.copyItem(
        at: folder.appendingPathComponent("cache/shapes"), to: folder.appendingPathComponent("cache/other"))
    },
    BadInput("latents of the other camera", trainWorld + ["--policy.cache_dir=other"], says: "--image_key") {
      try Program.succeed(
        Flags.precompute + ["--cache_dir=other", "--image_key=observation.images.image2"], in: $0)
    },
    BadInput(
      "latents of another encoder", trainWorld + ["--policy.world_vision_model_name=other/encoder"],
      says: "--policy.world_vision_model_name"
    ) {
      try Program.succeed(
        ["scratch", "--output_dir=other", "--encoder_hidden_size=16", "--encoder_image_size=16", "--seed=9"], in: $0)
    },
    BadInput("latents of other images", trainWorld + ["--dataset.root=other"], says: "--dataset_name=shapes") {
      try Program.succeed(record + ["--dataset.num_episodes=3", "--dataset.root=other", "--seed=8"], in: $0)
    },
    BadInput("truncated latents", trainWorld, says: latents, "truncated", copying: ["cache"]) {
      try truncate($0, latents, to: 1000)
    },
    BadInput("latents of another type", trainWorld, says: latents, "float16", copying: ["cache"]) { folder in
      let file = folder.appendingPathComponent(latents)
      var bytes = try file.bytes()
      if let place = bytes.range(of: Data("<f2".utf8)) { bytes.replaceSubrange(place, with: Data("<i2".utf8)) }
      try bytes.write(to: file)
    },
  ]

  private static let engines = [
    BadInput("no engines", train, says: "torch", "make setup", environment: ["WM_DEPS_DIR": "/nonexistent"]),
    BadInput("no torch", train, says: "WM_TORCH_DIR", environment: ["WM_TORCH_DIR": "/nonexistent"]),
    BadInput(
      "no simulator", record + ["--dataset.root=out"], says: "make setup", environment: ["WM_DEPS_DIR": "/nonexistent"]),
  ]

  private static let videos = Checkout.tests("Data/LeRobotDatasetsTests/Goldens/h264").path
  /// The engines as they are, but for one file.
  private static let brokenEngines =
    [
      ("libwm_arrow.so", "Arrow", train), ("libwm_media.so", "libpng", train), ("libwm_torch", "torch", train),
      ("pyarrow", "Arrow", train), ("torch", "WM_TORCH_DIR", train),
      ("libwm_video.so", "FFmpeg", train + ["--dataset.root=\(videos)"]),
    ].map { missing, name, command in
      BadInput(
        "no \(missing)", command, says: name, "make setup", environment: ["WM_DEPS_DIR": "deps"],
        damage: { try linkEngines(into: $0.appendingPathComponent("deps"), without: missing) })
    } + [
      BadInput(
        "no simulator's library", record + ["--dataset.root=out"], says: "MuJoCo", "make setup",
        environment: ["WM_DEPS_DIR": "deps"],
        damage: { try linkEngines(into: $0.appendingPathComponent("deps"), without: "mujoco") })
    ]

  private static func linkEngines(into folder: URL, without missing: String) throws {
    let engines = try EngineLibraries.directory().resolvingSymlinksInPath()
    for part in ["engines", "shims"] {
      let own = folder.appendingPathComponent(part)
      try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
      let all = engines.appendingPathComponent(part).resolvingSymlinksInPath()
      for name in all.names() where name != missing && !(missing == "libwm_torch" && name.hasPrefix(missing)) {
        try FileManager.default.createSymbolicLink(
          at: own.appendingPathComponent(name),
          withDestinationURL: all.appendingPathComponent(name).resolvingSymlinksInPath())
      }
    }
  }

  private static let places = [
    BadInput("an output that is full", train + ["--output_dir=E0"], says: "--output_dir", "--overwrite"),
    BadInput("an evaluation's that is full", evaluate + ["--output_dir=E0"], says: "--output_dir", "--overwrite"),
    BadInput("a model folder that is full", ["scratch", "--output_dir=models"], says: "--output_dir", "--overwrite"),
    BadInput("a dataset that exists", record + ["--dataset.root=data"], says: "data exists"),
    BadInput("a cache that exists", Flags.precompute, says: latents, "is complete", "--overwrite"),
    BadInput("training below a file", train + ["--output_dir=file/run"], says: "file/run", "Not a directory"),
    BadInput("an evaluation below a file", evaluate + ["--output_dir=file/run"], says: "file/run", "Not a directory"),
    BadInput("recording below a file", record + ["--dataset.root=file/data"], says: "file", "Not a directory"),
    BadInput("latents below a file", Flags.precompute + ["--cache_dir=file"], says: "file", "Not a directory"),
    BadInput("a file in the place", train + ["--output_dir=file", "--overwrite"], says: "file"),
    BadInput("a place where nothing can be made", train + ["--output_dir=/proc/run"], says: "/proc/run"),
  ]

  @Test func `an error is one line, however long or broken what it quotes`() throws {
    let long = String(repeating: "x", count: 5000)
    let folder = FileManager.default.temporaryDirectory
    for arguments in [
      ["train", "--batch_size=\(long)"], ["train", "--\(long)=1"], [long], ["train", "--policy.path=\(long)"],
      ["train", "--batch_size=a\nb\u{1B}[31m"], ["train", "--policy.type=\(long)"],
    ] {
      let outcome = try Program.run(arguments, in: folder)
      #expect(outcome.status == 1 && outcome.errors.count < 1000, "\(outcome.errors.count)")
      #expect(outcome.errors.split(separator: "\n").count == 1 && !outcome.errors.contains("\u{1B}"))
    }
  }

  @Test(arguments: commandLines + brokenFiles + finishedRuns + caches + engines + brokenEngines + places)
  func `gets one sentence, and nothing is overwritten`(_ input: BadInput) throws {
    try Fixture.within(copying: input.copied) { folder in
      try input.damage(folder)
      try Data("precious".utf8).write(to: folder.appendingPathComponent("file"))
      let before = try contents(folder)
      let outcome = try Program.run(input.arguments, in: folder, environment: input.environment)
      #expect(outcome.status == 1)
      #expect(outcome.sentences.count == 1, "\(outcome.errors)")
      #expect(outcome.errors.hasSuffix("\n"))
      // A resumed run says where it is before it reads its state; nothing else may stand beside the sentence.
      let beside = outcome.errors.split(separator: "\n").filter {
        // Tests write to a folder of temporary files, and resume for more steps, which is warned of.
        line in
        ![
          "output: ", "device ", "dataset: ", "recording: 0/", "warning: the output folder", "warning: the run resumes",
        ].contains { line.hasPrefix($0) }
      }
      #expect(beside.count == 1, "\(outcome.errors)")
      for noise in ["Error Domain", "Fatal error", "Backtrac", "CocoaError"] {
        #expect(!outcome.errors.contains(noise))
      }
      for part in input.says { #expect(outcome.errors.contains(part), "\(outcome.errors)") }
      #expect(try contents(folder) == before)
    }
  }

  @Test func `trains on images where FFmpeg is missing`() throws {
    try Fixture.within { folder in
      try Self.linkEngines(into: folder.appendingPathComponent("deps"), without: "libwm_video.so")
      let outcome = try Program.run(
        Self.train + ["--steps=1"], in: folder, environment: ["WM_DEPS_DIR": folder.appendingPathComponent("deps").path]
      )
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
  }

  @Test func `leaves an old run alone when the new one cannot begin`() throws {
    try Fixture.within(copying: ["E0"]) { folder in
      let before = try contents(folder)
      let flags = ["train", "--output_dir=E0", "--overwrite"] + Flags.train + Flags.world
      #expect(try Program.run(flags + ["--policy.latent_suffix=m4"], in: folder).status == 1)
      #expect(try contents(folder) == before)
    }
  }

  /// Every file below a folder with its bytes; links to the shared fixture by where they lead.
  private func contents(_ folder: URL) throws -> [String: Data] {
    let files = FileManager.default
    var found: [String: Data] = [:]
    for path in files.enumerator(atPath: folder.path)?.compactMap({ $0 as? String }) ?? [] {
      if path.hasPrefix(".output-") { continue }
      let file = folder.appendingPathComponent(path)
      if let target = try? files.destinationOfSymbolicLink(atPath: file.path) {
        found[path] = Data(target.utf8)
      } else {
        found[path] = (try? file.bytes()) ?? Data()
      }
    }
    return found
  }

  private static func truncate(_ folder: URL, _ path: String, to count: Int) throws {
    let file = folder.appendingPathComponent(path)
    try file.bytes().prefix(count).write(to: file)
  }

  private static func change(
    _ folder: URL, _ path: String, _ body: (inout StateDictionary) throws -> Void
  ) throws {
    let file = folder.appendingPathComponent(path)
    var state = try Tensor.load(file)
    try body(&state)
    try Tensor.save(state, to: file, overwrite: true)
  }

  private static func replace(_ folder: URL, _ old: String, _ new: String) throws {
    let file = folder.appendingPathComponent(Flags.checkpoint + "/policy_preprocessor.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    try #require(text.contains(old))
    try text.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
  }
}
