import Foundation
import LibTorch
import ModelFiles
import NeuralNetworks
import Testing

@testable import RobotPolicies

/// Against what LeRobot 0.4.4 saved and computed (oracle/goldens/processors.py).
struct ProcessorTests {
  private static let cases = ["mean_std", "min_max", "mixed"]
  private static let names = ["policy_preprocessor", "policy_postprocessor"]
  private static let tasks = ["turn on the stove", "Put 12 cups, 3 plates (now)!\n", "push"]

  private static func goldens() throws -> URL {
    try #require(Bundle.module.resourceURL).appendingPathComponent("Goldens")
  }

  private static func read(_ name: String, in folder: URL) throws -> Processor {
    let tokenizer = try goldens().appendingPathComponent("tokenizer")
    return try Processor(named: name, in: folder) { _ in tokenizer }
  }

  /// A copy of a golden that may be damaged.
  private func within(_ name: String = "mean_std", _ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wm-policies-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: Self.goldens().appendingPathComponent(name), to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  private func expectClose(_ found: Tensor?, _ expected: Tensor, _ name: String) throws {
    let found = try #require(found, "\(name)")
    #expect(found.shape == expected.shape, "\(name)")
    #expect(found.dtype == expected.dtype, "\(name)")
    let pairs = try zip(found.to(.float64).scalars(Double.self), expected.to(.float64).scalars(Double.self))
    #expect(pairs.allSatisfy { abs($0 - $1) <= 1e-6 * max(1, abs($1)) }, "\(name)")
  }

  @Test(arguments: cases) func `prepares a batch as LeRobot does`(name: String) throws {
    let folder = try Self.goldens().appendingPathComponent(name)
    let numbers = try Tensor.load(folder.appendingPathComponent("numbers.safetensors"))
    var batch = Batch()
    for (key, tensor) in numbers where key.hasPrefix("in/") { batch[String(key.dropFirst(3))] = tensor }
    batch["planned"] = nil
    let prepared = try Self.read("policy_preprocessor", in: folder)(batch, tasks: Self.tasks, device: .cpu)
    for (key, expected) in numbers where key.hasPrefix("out/") && key != "out/planned" {
      let key = String(key.dropFirst(4))
      try expectClose(prepared[key], expected, key)
    }
    let planned = try #require(numbers["in/planned"])
    let expected = try #require(numbers["out/planned"])
    try expectClose(try Self.read("policy_postprocessor", in: folder)(actions: planned), expected, "planned")
  }

  @Test(arguments: cases) func `is saved as LeRobot saved it`(name: String) throws {
    let folder = try Self.goldens().appendingPathComponent(name)
    try within(name) { copy in
      let saved = copy.appendingPathComponent("saved")
      try FileManager.default.createDirectory(at: saved, withIntermediateDirectories: true)
      for processor in Self.names { try Self.read(processor, in: copy).write(to: saved) }
      let files = FileManager.default
      let expected = try files.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("policy_") }.sorted()
      #expect(try files.contentsOfDirectory(atPath: saved.path).sorted() == expected)
      for file in expected {
        let (own, theirs) = (saved.appendingPathComponent(file), folder.appendingPathComponent(file))
        if file.hasSuffix(".json") {
          #expect(try JSON(contentsOf: own) == JSON(contentsOf: theirs), "\(file)")
        } else {
          let (own, theirs) = try (Tensor.load(own), Tensor.load(theirs))
          #expect(Set(own.keys) == Set(theirs.keys))
          for (key, tensor) in theirs { #expect(try own[key]?.scalars(Float.self) == tensor.scalars(Float.self)) }
        }
      }
    }
  }

  @Test func `appends a newline once`() throws {
    let folder = try Self.goldens().appendingPathComponent("mean_std")
    let processor = try Self.read("policy_preprocessor", in: folder)
    let state = try Tensor([Float](repeating: 0, count: 8), shape: [2, 4])
    let prepared = try processor(Batch([BatchKey.state: state]), tasks: ["push", "push\n"], device: .cpu)
    let tokens = try prepared.require(BatchKey.tokens).scalars(Int.self)
    #expect(tokens.prefix(tokens.count / 2) == tokens.suffix(tokens.count / 2))
  }

  private func refusal(_ damage: (URL) throws -> Void) throws -> String {
    var sentence = ""
    try within { folder in
      try damage(folder)
      do {
        try Self.read("policy_preprocessor", in: folder).checkStatistics()
        Issue.record("nothing was refused")
      } catch { sentence = "\(error)" }
    }
    return sentence
  }

  private func replace(_ old: String, _ new: String) -> (URL) throws -> Void {
    { folder in
      let file = folder.appendingPathComponent("policy_preprocessor.json")
      let text = try String(contentsOf: file, encoding: .utf8)
      try #require(text.contains(old))
      try text.replacingOccurrences(of: old, with: new).write(to: file, atomically: true, encoding: .utf8)
    }
  }

  @Test func `refuses what it cannot do, by name`() throws {
    #expect(
      try refusal(replace("smolvla_new_line_processor", "spell_checker")).contains("spell_checker is not supported"))
    #expect(try refusal(replace("\"MEAN_STD\"", "\"QUANTILES\"")).contains("QUANTILES"))
    #expect(try refusal(replace("\"padding_side\": \"right\"", "\"padding_side\": \"left\"")).contains("on the right"))
    #expect(try refusal(replace("\"max_length\": 48", "\"max_length\": 0")).contains("tokenizer step"))
    #expect(try refusal(replace("\"STATE\",", "\"SMELL\",")).contains("SMELL"))
    for epsilon in [#""1e-8""#, "NaN", "-1"] {
      #expect(try refusal(replace("\"eps\": 1e-08", "\"eps\": \(epsilon)")).contains("`eps`"))
    }
    #expect(try refusal(replace("\"steps\"", "\"stairs\"")).contains("expected a list of steps"))
  }

  @Test func `refuses a state file outside its folder`() throws {
    let file = "policy_preprocessor_step_5_normalizer_processor.safetensors"
    for path in ["../\(file)", "/etc/passwd", "a/../../\(file)"] {
      #expect(try refusal(replace("\"state_file\": \"\(file)\"", "\"state_file\": \"\(path)\"")).contains(path))
    }
  }

  @Test func `refuses missing and misshapen statistics`() throws {
    let state = "policy_preprocessor_step_5_normalizer_processor.safetensors"
    func change(_ body: @escaping (inout StateDictionary) throws -> Void) -> (URL) throws -> Void {
      { folder in
        let file = folder.appendingPathComponent(state)
        var statistics = try Tensor.load(file)
        try body(&statistics)
        try Tensor.save(statistics, to: file, overwrite: true)
      }
    }
    #expect(try refusal(change { $0["observation.state.std"] = nil }).contains("no statistic observation.state.std"))
    #expect(
      try refusal(change { $0["action.mean"] = try Tensor([1, 2] as [Float], shape: [2]) })
        .contains("action.mean has the shape [2], the feature [3]"))
    #expect(try refusal { try FileManager.default.removeItem(at: $0.appendingPathComponent(state)) }.contains(state))
    #expect(
      try refusal { try Data("short".utf8).write(to: $0.appendingPathComponent(state)) }.contains(state))
  }
}
