import Foundation
import ModelFiles
import Testing
import TestSupport

struct HubTests {
  /// A hub with the fixture's baseline and demonstrations, and what the program must know to find it.
  private func within(_ body: (URL, LoopbackHub, [String: String]) throws -> Void) throws {
    try Fixture.within { folder in
      let hub = try LoopbackHub(token: "hf_secret")
      defer { hub.stop() }
      try hub.add(.model, "user/base", folder: folder.appendingPathComponent(Flags.checkpoint))
      try hub.add(.dataset, "user/shapes", folder: folder.appendingPathComponent("data"), tags: ["v3.0"])
      let home = folder.appendingPathComponent("home").path
      let environment = [
        "HF_HUB_OFFLINE": "0", "HF_ENDPOINT": hub.endpoint, "HF_HOME": home, "HF_TOKEN": "hf_secret",
        "HF_HUB_CACHE": "",
      ]
      try body(folder, hub, environment)
    }
  }

  private let few = ["--steps=2", "--policy.device=cpu", "--num_compute_threads=1", "--batch_size=4", "--log_freq=1"]

  @Test func `trains as from folders, is uploaded with a card, and is evaluated from there`() throws {
    try within { folder, hub, environment in
      let local = ["--dataset.repo_id=user/shapes", "--dataset.root=data", "--policy.path=\(Flags.checkpoint)"]
      try Program.succeed(["train", "--output_dir=local"] + few + local, in: folder)
      let trained = try Program.run(
        [
          "train", "--output_dir=run", "--dataset.repo_id=user/shapes", "--policy.path=user/base",
          "--policy.push_to_hub=true", "--policy.repo_id=user/trained", "--policy.private=true",
        ] + few, in: folder, environment: environment)
      #expect(trained.status == 0, "\(trained.errors)")
      #expect(trained.output.hasSuffix("\(hub.endpoint)/user/trained\n"))
      #expect(!(trained.errors + trained.output).contains("secret"))
      let run = folder.appendingPathComponent("run")
      #expect(try lastState(run) == lastState(folder.appendingPathComponent("local")))

      let uploaded = try #require(hub.files(.model, "user/trained"))
      let model = run.appendingPathComponent("checkpoints/last/pretrained_model")
      for name in ["config.json", "model.safetensors", "train_config.json", "policy_preprocessor.json"] {
        #expect(try uploaded[name] == model.appendingPathComponent(name).bytes(), "\(name)")
      }
      let card = String(decoding: uploaded["README.md"] ?? Data(), as: UTF8.self)
      #expect(card.hasPrefix("---\nbase_model: user/base\ndatasets: user/shapes\nlibrary_name: lerobot\n"))
      #expect(hub.isPrivate(.model, "user/trained"))

      let evaluated = try Program.run(
        Flags.evaluate + ["--policy.path=user/trained", "--output_dir=eval"], in: folder, environment: environment)
      #expect(evaluated.status == 0, "\(evaluated.errors)")
      // What is in the cache needs no hub.
      let offline = environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
      let again = try Program.run(
        ["train", "--output_dir=again", "--dataset.repo_id=user/shapes", "--policy.path=user/base"] + few, in: folder,
        environment: offline)
      #expect(again.status == 0, "\(again.errors)")
    }
  }

  @Test func `an adapter of a repository's policy is uploaded alone, and evaluated and inspected with its base`() throws
  {
    try within { folder, hub, environment in
      let flags = [
        "--policy.path=user/base", "--peft.r=2", "--policy.push_to_hub=true", "--policy.repo_id=user/adapter",
      ]
      let trained = try Program.run(
        ["train", "--output_dir=run", "--dataset.repo_id=user/shapes"] + few + flags, in: folder,
        environment: environment)
      #expect(trained.status == 0, "\(trained.errors)")
      let uploaded = try #require(hub.files(.model, "user/adapter"))
      #expect(uploaded["adapter_model.safetensors"] != nil && uploaded["model.safetensors"] == nil)
      let fields = try JSON(parsing: Array(try #require(uploaded["adapter_config.json"])))
      #expect(fields["base_model_name_or_path"] == "user/base")
      // A machine that has neither.
      let fresh = environment.merging(["HF_HOME": folder.appendingPathComponent("fresh").path]) { $1 }
      let evaluated = try Program.run(
        Flags.evaluate + ["--policy.path=user/adapter", "--output_dir=eval"], in: folder, environment: fresh)
      #expect(evaluated.status == 0, "\(evaluated.errors)")
      for (name, kind) in [("user/adapter", "checkpoint"), ("user/shapes", "dataset")] {
        let inspected = try Program.run(["inspect", name], in: folder, environment: fresh)
        #expect(inspected.status == 0 && inspected.output.hasPrefix("\(kind) \(name)\n"), "\(inspected.output)")
      }
    }
  }

  @Test func `a run whose checkpoints are in a repository is resumed from the newest`() throws {
    try within { folder, hub, environment in
      try hub.add(.model, "user/run", folder: folder.appendingPathComponent("E0"))
      try FileManager.default.copyItem(
        at: folder.appendingPathComponent("E0").resolvingSymlinksInPath(), to: folder.appendingPathComponent("local"))
      let resume = ["train", "--resume=true"]
      try Program.succeed(resume + ["--output_dir=local", "--steps=9"], in: folder)
      let flags = resume + ["--config_path=user/run", "--output_dir=remote"]
      let outcome = try Program.run(flags + ["--steps=9"], in: folder, environment: environment)
      #expect(outcome.status == 0, "\(outcome.errors)")
      let run = folder.appendingPathComponent("remote")
      #expect(run.appendingPathComponent("checkpoints").names() == ["000006", "000009", "last"])
      #expect(try lastState(run) == lastState(folder.appendingPathComponent("local")))
      // The same command goes on with what is there.
      let again = try Program.run(flags + ["--steps=12"], in: folder, environment: environment)
      #expect(again.status == 0 && run.appendingPathComponent("checkpoints").names().contains("000012"))

      let without = try Program.run(
        resume + ["--config_path=user/base", "--output_dir=none"], in: folder, environment: environment)
      #expect(without.status == 1 && without.errors.contains("has no checkpoint to resume from"), "\(without.errors)")
    }
  }

  @Test func `checkpoints are uploaded as the run goes on, tagged, and another machine resumes from them`() throws {
    try within { folder, hub, environment in
      let start = ["--dataset.repo_id=user/shapes", "--policy.path=user/base", "--save_freq=1"]
      let flags = start + ["--save_checkpoint_to_hub=true", "--policy.repo_id=user/run", "--keep_last_checkpoints=1"]
      let trained = try Program.run(
        ["train", "--output_dir=run"] + few + flags, in: folder, environment: environment)
      #expect(trained.status == 0, "\(trained.errors)")
      let uploaded = try #require(hub.files(.model, "user/run"))
      let last = folder.appendingPathComponent("run/checkpoints/000002")
      for name in ["pretrained_model/model.safetensors", "training_state/optimizer_state.safetensors"] {
        #expect(try uploaded["checkpoints/000002/\(name)"] == last.appendingPathComponent(name).bytes(), "\(name)")
        #expect(uploaded["checkpoints/000001/\(name)"] != nil)
      }
      let tagged = try #require(hub.files(.model, "user/run", tagged: "000001"))
      #expect(tagged["checkpoints/000001/pretrained_model/config.json"] != nil)
      #expect(!tagged.keys.contains { $0.hasPrefix("checkpoints/000002") })
      let file = last.appendingPathComponent("pretrained_model/train_config.json")
      #expect(try JSON(contentsOf: file)["save_checkpoint_to_hub"]?.bool == true)

      let further = try Program.run(
        ["train", "--resume", "--output_dir=run", "--steps=3", "--save_checkpoint_to_hub=false"], in: folder,
        environment: environment)
      #expect(further.status == 0, "\(further.errors)")
      let resumed = try Program.run(
        ["train", "--resume", "--config_path=user/run", "--output_dir=other", "--steps=3"], in: folder,
        environment: environment)
      #expect(resumed.status == 0, "\(resumed.errors)")
      #expect(try lastState(folder.appendingPathComponent("other")) == lastState(folder.appendingPathComponent("run")))
      #expect(hub.files(.model, "user/run")?["checkpoints/000003/pretrained_model/config.json"] != nil)
    }
  }

  @Test func `a checkpoint that cannot be uploaded costs a sentence, not the run`() throws {
    try within { folder, hub, environment in
      hub.inject(.status(403), at: "/commit/main")
      let flags = [
        "--output_dir=run", "--dataset.repo_id=user/shapes", "--policy.path=user/base", "--save_freq=1",
        "--save_checkpoint_to_hub=true", "--policy.repo_id=user/run",
      ]
      let trained = try Program.run(["train"] + flags + few, in: folder, environment: environment)
      #expect(trained.status == 0, "\(trained.errors)")
      let warnings = trained.errors.split(separator: "\n").filter { $0.contains("was not uploaded") }
      #expect(warnings.count == 2 && warnings.allSatisfy { $0.contains("the run continues") })
      let refused = try Program.run(
        ["train", "--save_checkpoint_to_hub=true", "--dataset.repo_id=user/shapes", "--policy.path=user/base"],
        in: folder,
        environment: environment)
      #expect(refused.status == 2 || refused.status == 1)
      #expect(refused.errors.contains("--save_checkpoint_to_hub: needs --policy.repo_id"), "\(refused.errors)")
    }
  }

  @Test func `is refused in one sentence before anything is written`() throws {
    try within { folder, hub, environment in
      let base = ["train", "--output_dir=run"] + few
      let data = ["--dataset.repo_id=user/shapes"]
      let push = data + ["--policy.path=user/base", "--policy.push_to_hub=true"]
      for (flags, change, words) in [
        (push, [:], "repo_id"),
        (push + ["--policy.repo_id=user/new"], ["HF_TOKEN": ""], "set HF_TOKEN"),
        (push + ["--policy.repo_id=user/new"], ["HF_TOKEN": "hf_wrong"], "check HF_TOKEN"),
        (push + ["--policy.repo_id=user/new", "--save_checkpoint=false"], [:], "save_checkpoint"),
        (data + ["--policy.path=user/nothing"], [:], "has no user/nothing; check the name"),
        (["--dataset.repo_id=user/nothing", "--policy.path=user/base"], [:], "has no dataset user/nothing"),
        (data + ["--policy.path=user/base"], ["HF_HUB_OFFLINE": "1", "HF_HOME": "empty"], "HF_HUB_OFFLINE forbids"),
        (data + ["--dataset.revision=v7", "--policy.path=user/base"], [:], "has no revision v7"),
      ] as [([String], [String: String], String)] {
        let outcome = try Program.run(base + flags, in: folder, environment: environment.merging(change) { $1 })
        #expect(outcome.status == 1)
        #expect(outcome.sentences.count == 1 && outcome.errors.contains(words), "\(words): \(outcome.errors)")
      }
      #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("run").path))
      #expect(hub.files(.model, "user/new") == nil)
    }
  }

  @Test func `of which no folder is there is told as a path first, where it may be one`() throws {
    try within { folder, _, environment in
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("outputs"), withIntermediateDirectories: true)
      let data = ["--dataset.root=data", "--dataset.repo_id=user/shapes"]
      let gone = environment.merging(["HF_ENDPOINT": "http://127.0.0.1:1", "HF_HUB_DOWNLOAD_TIMEOUT": "1"]) { $1 }
      let offline = environment.merging(["HF_HUB_OFFLINE": "1"]) { $1 }
      for (flags, folderName) in [
        (data + ["--policy.path=outputs/typo"], "outputs/typo"), (data + ["--policy.path=./typo"], "./typo"),
        (data + ["--policy.path=/typo/model"], "/typo/model"), (data + ["--policy.path=a/b/c"], "a/b/c"),
        (["--policy.path=user/base", "--dataset.repo_id=outputs/typo"], "outputs/typo"),
        (["--policy.path=user/base", "--dataset.repo_id=../typo"], "../typo"),
        (["--resume", "--config_path=outputs/typo", "--output_dir=new"], "outputs/typo"),
      ] {
        for place in flags.contains("--policy.path=user/base") ? [environment] : [environment, gone, offline] {
          let outcome = try Program.run(["train"] + few + flags, in: folder, environment: place)
          let clue = "there is no folder \(folderName), and "
          #expect(outcome.status == 1 && outcome.sentences.count == 1, "\(flags): \(outcome.errors)")
          #expect(outcome.sentences.first?.contains(clue) == true, "\(flags): \(outcome.errors)")
          let words = outcome.sentences.first.map(String.init) ?? ""
          let start = words.range(of: clue)?.lowerBound
          #expect(
            start.map { !words[..<$0].contains("hub") && !words[..<$0].contains("127.0.0.1") } == true, "\(words)")
        }
      }
      // A folder of the owner's name is no proof of a path.
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent("user"), withIntermediateDirectories: true)
      try Program.succeed(["--version"], in: folder)
      let outcome = try Program.run(
        ["train", "--output_dir=run", "--policy.path=user/base"] + data + few, in: folder, environment: environment)
      #expect(outcome.status == 0, "\(outcome.errors)")
    }
  }

  @Test func `keeps its model where the upload fails`() throws {
    try within { folder, hub, environment in
      hub.inject(.status(403), at: "/commit/main")
      let flags = [
        "--output_dir=run", "--dataset.repo_id=user/shapes", "--policy.path=user/base", "--policy.push_to_hub=true",
        "--policy.repo_id=user/new",
      ]
      let failed = try Program.run(["train"] + flags + few, in: folder, environment: environment)
      #expect(failed.status == 1)
      #expect(failed.errors.contains("forbids this for user/new"))
      #expect(failed.errors.contains("the model is in"))
      hub.removeFaults()
      let again = try Program.run(["train", "--resume", "--output_dir=run"], in: folder, environment: environment)
      #expect(again.status == 0, "\(again.errors)")
      #expect(hub.files(.model, "user/new")?["model.safetensors"] != nil)
    }
  }
}
