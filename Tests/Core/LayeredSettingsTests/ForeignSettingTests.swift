import LayeredSettings
import ModelFiles
import Testing

/// Settings of another program that shares files and flags.
struct ForeignSettingTests {
  private static let foreign = [
    ForeignSetting("prefetch", [4]), ForeignSetting("split", [0.0], changesResults: true),
    ForeignSetting("job", [["target": nil, "tags": [], "detach": false]]), ForeignSetting("notes", nil),
  ]

  private func read(_ text: String) throws -> Configured<Train> {
    var configured = Configured<Train>()
    try configured.apply(JSON(parsing: text), from: "f.json", unknown: .shared(Self.foreign))
    return configured
  }

  @Test func `are carried along from files, and told where they ask for more`() throws {
    let text =
      #"{"batch_size":2,"prefetch":4,"split":0,"job":{"target":null,"tags":[]},"notes":{"any":[1]}}"#
    let quiet = try read(text)
    #expect(quiet.withoutEffect.isEmpty && quiet.json["prefetch"] == 4 && quiet.json["notes"]?["any"] == [1])
    let loud = try read(#"{"prefetch":8,"split":0.5,"job":{"detach":true},"notes":null}"#)
    #expect(loud.withoutEffect == ["prefetch=8", "split=0.5", #"job={"detach": true}"#])
  }

  @Test(arguments: [
    (#"{"batch_sise":2}"#, "f.json: batch_sise: no such setting; did you mean batch_size?"),
    (#"{"prefetsh":2}"#, "f.json: prefetsh: no such setting; did you mean prefetch?"),
    (#"{"dataset":{"episods":[0]}}"#, "f.json: dataset.episods: no such setting; did you mean dataset.episodes?"),
    (#"{"zzzzzzzz":2}"#, "f.json: zzzzzzzz: no such setting; --help lists all"),
  ])
  func `leave what nobody knows an error`(text: String, sentence: String) throws {
    let error = #expect(throws: ConfigurationError.self) { try read(text) }
    #expect(error?.description == sentence)
  }

  @Test func `are flags that do no harm, and an error where they would change results`() throws {
    func flags(_ flags: String...) throws -> Configured<Train> {
      var configured = Configured<Train>()
      try configured.apply(Arguments(flags), foreign: Self.foreign)
      return configured
    }
    #expect(try flags("--prefetch=4", "--split=0.0", "--job.target=null", "--notes=x").withoutEffect.isEmpty)
    #expect(try flags("--prefetch=16").withoutEffect == ["prefetch=16"])
    let error = #expect(throws: ConfigurationError.self) { try flags("--split=0.1") }
    #expect(error?.description == "--split: is known and not supported; leave it at 0.0")
    #expect(throws: ConfigurationError.self) { try flags("--splitt=0.1") }
  }

  @Test func `the file that a setting came from is named by its error, unless a flag came after it`() throws {
    var configured = try read(#"{"policy":{"type":"world","memory":0}}"#)
    var error = #expect(throws: ConfigurationError.self) { try configured.validated() }
    #expect(error?.description.hasPrefix("f.json: policy.memory: ") == true, "\(error?.description ?? "")")
    try configured.apply(Arguments(["--policy.memory=-1"]))
    error = #expect(throws: ConfigurationError.self) { try configured.validated() }
    #expect(error?.description.hasPrefix("--policy.memory: ") == true, "\(error?.description ?? "")")
  }
}
