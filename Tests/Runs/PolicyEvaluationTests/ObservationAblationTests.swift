import CounterBasedRandom
import Foundation
import RGBImages
import RobotEnvironments
import RobotPolicies
import Testing

@testable import PolicyEvaluation

struct ObservationAblationTests {
  private func random(_ seed: Int) -> CountedRandom { CountedRandom(seed: seed, "test") }

  // MARK: Names

  @Test(
    arguments: [
      ("contrary_instruction", ObservationAblation.contraryInstruction), ("garbled_instruction", .garbledInstruction),
      ("blank_images", .blankImages(camera: nil)), ("blank_image.image2", .blankImages(camera: "image2")),
      ("state_noise", .noisyState(scale: 1)), ("state_noise.0.5", .noisyState(scale: 0.5)),
      ("state_noise.2", .noisyState(scale: 2)),
    ]) func `is known by its name`(name: String, ablation: ObservationAblation)
  {
    #expect(ObservationAblation(name: name) == ablation && ablation.name == name)
  }

  @Test(
    arguments: [
      "", "zero", "blank_image", "blank_image.", "blank_image.../..", "blank_images.image", "state_noise.",
      "state_noise.0", "state_noise.-1", "state_noise.nan", "state_noise.inf", "garbled_instruction.2",
    ]) func `is refused by another one`(name: String)
  {
    #expect(ObservationAblation(name: name) == nil)
  }

  // MARK: Instruction

  @Test func `a garbled instruction has the letters of the original in another order, and its spaces`() throws {
    let text = "push the block left"
    var seen: Set<String> = []
    for seed in 0..<200 {
      let garbled = try ObservationAblation.garbled(text, random(seed))
      #expect(garbled.sorted() == text.sorted() && garbled != text)
      #expect(garbled.split(separator: " ").map(\.count) == [4, 3, 5, 4])
      #expect(try ObservationAblation.garbled(text, random(seed)) == garbled)
      seen.insert(garbled)
    }
    #expect(seen.count == 200)
  }

  @Test func `a garbled instruction is never the original, even where only two orders exist`() throws {
    for seed in 0..<50 { #expect(try ObservationAblation.garbled("a b", random(seed)) == "b a") }
    for text in ["", "aa aa", "x"] {
      #expect(throws: (any Error).self) { try ObservationAblation.garbled(text, random(0)) }
    }
  }

  // MARK: Images

  private func request() throws -> PolicyRequest {
    func image(_ level: UInt8) throws -> RGBImage {
      try RGBImage(width: 2, height: 1, pixels: Array(repeating: level, count: 6))
    }
    return PolicyRequest(
      observation: Observation(
        images: ["image": try image(10), "image2": try image(20)], state: [1, 2], instruction: "go up"),
      history: [try image(5), try image(20)], random: random(1))
  }

  private let episode = ObservationAblation.Episode(
    random: CountedRandom(seed: 3, "episode"), contraryInstruction: nil, stateDeviation: [0.5, 0],
    historyCamera: "image2")

  @Test(arguments: [nil, "image", "image2"])
  func `blanks the cameras it names, also in the past`(camera: String?) throws {
    let request = try request()
    let applied = try ObservationAblation.blankImages(camera: camera).applied(to: request, query: 4, of: episode)
    let gray = try RGBImage(width: 2, height: 1, pixels: [128, 128, 128, 128, 128, 128])
    for (name, image) in applied.observation.images {
      #expect(image == (camera == nil || camera == name ? gray : request.observation.images[name]))
    }
    #expect(applied.history == (camera == "image" ? request.history : [gray, gray]))
    #expect(applied.observation.state == [1, 2] && applied.observation.instruction == "go up")
    #expect(applied.random.words(0) == request.random.words(0))
  }

  // MARK: State

  @Test func `noise on the state is scale times deviation times the address's normal numbers`() throws {
    let applied = try ObservationAblation.noisyState(scale: 2).applied(to: request(), query: 4, of: episode)
    let noise = CountedRandom(seed: 3, "episode").at("state").at(4).normals(count: 2)
    #expect(applied.observation.state == [1 + 2 * 0.5 * noise[0], 2])
    #expect(throws: (any Error).self) {
      try ObservationAblation.noisy([1, 2, 3], deviation: [1, 1], scale: 1, random(0))
    }
  }

  @Test func `noise on the state has the stated spread and no bias`() throws {
    let count = 20_000
    let noises = try (0..<count).map { query in
      try Double(ObservationAblation.noisy([7], deviation: [0.4], scale: 1.5, random(9).at(query))[0]) - 7
    }
    let mean = noises.reduce(0, +) / Double(count)
    let deviation = (noises.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(count)).squareRoot()
    // Four standard errors.
    #expect(abs(mean) < 4 * 0.6 / Double(count).squareRoot())
    #expect(abs(deviation - 0.6) < 4 * 0.6 / Double(2 * count).squareRoot())
  }

  // MARK: Rollouts

  private func run(
    _ ablation: ObservationAblation?, batch: Int, tasks: [String] = ["up"]
  ) throws -> (results: [EpisodeResult], planner: RecordingPlanner, states: Set<[Float]>) {
    var settings = EvaluationSettings()
    (settings.episodes, settings.batchSize, settings.recordedEpisodes) = (3, batch, 0)
    (settings.ablation, settings.stateDeviation) = (ablation, [1])
    let planner = RecordingPlanner()
    var states: Set<[Float]> = []
    planner.onPlan = { for state in $0 { states.insert([state]) } }
    let results = try Evaluation(LineEnvironment.Suite(), settings, directory: nil).run(tasks: tasks, planner: planner)
    return (results, planner, states)
  }

  private func endings(_ results: [EpisodeResult]) -> [String] {
    results.map { "\($0.episode) \($0.success) \($0.steps) \($0.rewardSum) \($0.problem ?? "")" }
  }

  /// The planner only reads its own random numbers, so that no ablation may change what it does.
  @Test(arguments: ["contrary_instruction", "garbled_instruction", "blank_images", "state_noise.3"])
  func `leaves the episodes and the policy's noise as they are, whatever the batch size`(name: String) throws {
    let plain = try run(nil, batch: 1)
    let (one, all) = (
      try run(ObservationAblation(name: name), batch: 1), try run(ObservationAblation(name: name), batch: 3)
    )
    #expect(endings(one.results) == endings(plain.results) && endings(all.results) == endings(plain.results))
    #expect(one.states == all.states && (one.states == plain.states) == (name != "state_noise.3"))
    #expect(one.results.map(\.instruction) == all.results.map(\.instruction))
    switch name {
    case "contrary_instruction": #expect(one.planner.instructions == ["go down"])
    case "garbled_instruction":
      #expect(!one.planner.instructions.contains("go up") && one.planner.instructions.allSatisfy { $0.count == 5 })
      #expect(one.planner.instructions == Set(one.results.map(\.instruction)), "one instruction for all of an episode")
    default: #expect(one.planner.instructions == ["go up"])
    }
  }

  @Test func `says where there is no contrary instruction`() throws {
    let results = try run(.contraryInstruction, batch: 1, tasks: ["down"]).results
    #expect(results.allSatisfy { $0.problem?.contains("no contrary instruction") == true })
  }
}
