import LayeredSettings
import ModelFiles
import Testing

struct LayersTests {
  @Test func `later layers win over earlier ones`() throws {
    var configured = Configured<Train>()
    try configured.apply(
      ["type": "world", "chunk_size": 10, "memory": 2], from: "checkpoint/config.json", at: "policy")
    try configured.apply(["batch_size": 16, "policy": ["memory": 3]], from: "mine.json")
    try configured.apply(Arguments(["--batch_size=4"]))
    let train = try configured.validated()
    #expect(train.world?.chunkSize == 10)
    #expect(train.world?.memory == 3)
    #expect(train.batchSize == 4)
  }

  @Test func `JSON goes round, and absent sections are null`() throws {
    let json = Train().json
    #expect(
      json.text(.compact)
        == #"{"batch_size":8,"resume":false,"rename_map":{},"dataset":{"repo_id":"user/data","episodes":null,"#
        + #""cameras":["front"],"use_images":true},"policy":{"type":"plain","chunk_size":50,"#
        + #""attention_mode":"cross_attn","device":null,"optimizer":{"lr":0.0001,"betas":[0.9,0.95]}},"eval":null}"#)
    var configured = Configured<Train>()
    try configured.apply(Arguments(["--eval.n_episodes=2", "--policy.type=world", "--rename_map={a: b}"]))
    var second = Configured<Train>()
    try second.apply(configured.json, from: "a.json")
    #expect(second.json == configured.json)
    #expect(second.json["eval"] == ["n_episodes": 2])
    try second.apply(["eval": nil], from: "b.json")
    #expect(second.value.eval == nil)
    var none = Train()
    none.policy = nil
    #expect(none.json["policy"] == JSON.null)
  }

  @Test func `settings that only the file knows are refused, kept or left out`() throws {
    let file: JSON = ["batch_size": 2, "new": [1], "dataset": ["repo_id": "a", "fps": 30], "eval": ["vec": ["x": 1]]]
    var configured = Configured<Train>()
    try configured.apply(file, from: "a.json", unknown: .keep)
    #expect(configured.value.dataset.repoID == "a")
    #expect(configured.extra == ["new": [1], "dataset": ["fps": 30], "eval": ["vec": ["x": 1]]])
    #expect(configured.mistyped.isEmpty)
    var mistyped = Configured<Train>()
    try mistyped.apply(["dataset": ["repo_idd": "a"]], from: "a.json", unknown: .keep)
    #expect(mistyped.mistyped == ["dataset.repo_idd (did you mean dataset.repo_id?)"])
    #expect(configured.json["new"] == [1])
    #expect(configured.json["dataset"]?.object?.keys.last == "fps")
    #expect(configured.json["dataset"]?["cameras"] == ["front"])

    var refusing = Configured<Train>()
    let error = #expect(throws: ConfigurationError.self) {
      try refusing.apply(["dataset": ["repo_idd": "a"]], from: "a.json")
    }
    #expect(error?.description == "a.json: dataset.repo_idd: no such setting; did you mean dataset.repo_id?")
  }

  @Test(arguments: [
    (#"{"batch_size":"x"}"#, #"f.json: batch_size: expected an integer, found "x""#),
    (#"{"batch_size":1.5}"#, "f.json: batch_size: expected an integer, found 1.5"),
    (#"{"dataset":5}"#, "f.json: dataset: expected an object, found 5"),
    (#"{"eval":5}"#, "f.json: eval: expected a section or null, found 5"),
    (#"{"policy":{"type":7}}"#, "f.json: policy.type: expected one of plain, world, found 7"),
    (#"{"rename_map":{"a":1}}"#, "f.json: rename_map: expected a text, found 1"),
    ("[]", "f.json: expected a JSON object"),
  ])
  func `errors name file and setting`(text: String, sentence: String) throws {
    let json = try JSON(parsing: text)
    var configured = Configured<Train>()
    let error = #expect(throws: ConfigurationError.self) { try configured.apply(json, from: "f.json") }
    #expect(error?.description == sentence)
  }

  @Test func `integers are numbers and 10.0 is whole`() throws {
    var configured = Configured<Train>()
    try configured.apply(["batch_size": 10.0, "policy": ["optimizer": ["lr": 1]]], from: "f.json")
    #expect(configured.value.batchSize == 10)
    #expect(configured.value.plain?.optimizer.lr == 1)
  }

  @Test func `a section within a chosen type is validated`() throws {
    let error = #expect(throws: ConfigurationError.self) { try parsed("--policy.type=world", "--policy.memory=0") }
    #expect(error?.description == "--policy.memory: expected 1 to 2^20, found 0")
  }

  @Test func `properties that are not settings keep their values through a layer`() throws {
    struct Section: ConfigurationSection {
      @Setting("steps", in: 1...9, help: "") var steps = 1
      @Setting("note", help: "") var note: String?
      var path: String?
      var folder: String?
      var list: [Int] = []
    }
    var configured = Configured<Section>()
    (configured.value.path, configured.value.list) = ("a/b", [1, 2])
    try configured.apply(Arguments(["--steps=2"]))
    #expect(configured.value.steps == 2 && configured.value.path == "a/b" && configured.value.folder == nil)
    #expect(configured.value.list == [1, 2] && configured.value.note == nil)
  }

  @Test func `a prefix stands before the names of an embedded section, in errors too`() throws {
    struct Section: ConfigurationSection {
      @SettingsGroup(prefix: "optimizer_") var optimizer = Optimizer()
    }
    var configured = Configured<Section>()
    try configured.apply(["optimizer_lr": 0.5], from: "a.json")
    #expect(configured.value.optimizer.lr == 0.5)
    #expect(configured.names == ["optimizer_lr", "optimizer_betas"])
    #expect(Section().namesOfEveryKind == configured.names)
    try configured.apply(Arguments(["--optimizer_lr=-1"]))
    let error = #expect(throws: ConfigurationError.self) { try configured.validated() }
    #expect(error?.name == "optimizer_lr")
  }
}
