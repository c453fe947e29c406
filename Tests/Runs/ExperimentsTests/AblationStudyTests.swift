import Experiments
import Foundation
import ModelFiles
import Testing

struct AblationStudyTests {
  private static let eval = "E2_seed0/eval"

  /// A matrix whose E2 succeeds in 12 of 16 episodes, and ablations that lose the first 8, and none.
  private func fixture() throws -> FixtureMatrix {
    let matrix = try FixtureMatrix(tasks: ["push_left"], episodes: 16)
    let plain = (0..<16).map { $0 < 12 }
    try evaluation(matrix, Self.eval, plain, "none")
    try evaluation(matrix, "\(Self.eval)/ablations/zero", plain.enumerated().map { $0 >= 8 && $1 }, "zero")
    try evaluation(matrix, "\(Self.eval)/ablations/blank_image.image2", plain, "blank_image.image2")
    return matrix
  }

  private func evaluation(_ matrix: FixtureMatrix, _ folder: String, _ outcomes: [Bool], _ ablation: String) throws {
    try matrix.evaluation(folder, [("push_left", outcomes)])
    try matrix.set("\(folder)/eval_info.json", ["protocol", "contrary_instruction"], to: nil)
    try matrix.set("\(folder)/eval_info.json", ["protocol", "ablation"], to: .string(ablation))
    try matrix.set("\(folder)/eval_info.json", ["protocol", "model_sha256"], to: "one checkpoint")
  }

  private func conditions(_ matrix: FixtureMatrix) throws -> [JSON] {
    try #require(try AblationStudy(of: matrix(Self.eval)).json["conditions"]?.array)
  }

  @Test func `pairs the episodes, and adjusts for the number of conditions`() throws {
    let matrix = try fixture()
    let found = try conditions(matrix)
    #expect(found.map { $0["name"]?.string } == ["zero", "blank_image.image2"])
    #expect(found[0]["success"]?["successes"] == 4 && found[0]["changed_episodes"] == 8)
    #expect(found[0]["paired"]?["only_treatment"] == 0 && found[0]["paired"]?["only_baseline"] == 8)
    #expect(found[0]["paired"]?["difference"]?.double == -0.5)
    // Eight of eight discordant pairs on one side, two sides, two conditions.
    #expect(try abs(#require(found[0]["mcnemar_p_holm"]?.double) - 2 * 2 / 256) < 1e-12)
    #expect(found[1]["mcnemar_p_holm"]?.double == 1 && found[1]["changed_episodes"] == 0)
  }

  @Test func `says no more than the episodes show`() throws {
    let matrix = try fixture()
    let found = try conditions(matrix).compactMap { $0["finding"]?.string }
    #expect(found[0].hasPrefix("With a memory of zeros, this checkpoint reaches the goal less often. −50.0 points"))
    #expect(
      found[1].hasPrefix("With gray images from the camera image2, all 16 episodes end as they do without."), "\(found)"
    )
    try evaluation(matrix, "\(Self.eval)/ablations/state_noise.0.5", (0..<16).map { $0 < 10 }, "state_noise.0.5")
    let noise = try #require(try conditions(matrix).last?["finding"]?.string)
    #expect(noise.contains("do not show that this checkpoint does better or worse. −12.5 points"), "\(noise)")
    #expect(noise.contains("only from a true difference of about 43 points on"))
    try evaluation(matrix, Self.eval, Array(repeating: false, count: 16), "none")
    try evaluation(matrix, "\(Self.eval)/ablations/zero", Array(repeating: false, count: 16), "zero")
    #expect(try conditions(matrix)[0]["finding"]?.string?.contains("nothing could be lost") == true)
  }

  @Test(
    arguments: [
      (["model_sha256"], JSON.string("another"), "model_sha256 differs"),
      (["seed"], 7, "seed differs: 1000 without ablation, 7 with it"),
      (["n_episodes"], 20, "has 16 of 20 episodes"), (["ablation"], "random", "is of the ablation random, not of zero"),
    ]) func `compares nothing else than one checkpoint's episodes under one condition`(
      keys: [String], value: JSON, reason: String
    ) throws
  {
    let matrix = try fixture()
    try matrix.set("\(Self.eval)/ablations/zero/eval_info.json", ["protocol"] + keys, to: value)
    let study = try AblationStudy(of: matrix(Self.eval))
    #expect(!study.isComplete)
    let finding = try #require(study.json["conditions"]?.array?.first?["finding"]?.string)
    #expect(finding.contains("not compared") && finding.contains(reason), "\(finding)")
    #expect(study.json["conditions"]?.array?.last?["mcnemar_p_holm"]?.double == 1)
  }

  @Test func `is no study of an evaluation that is itself an ablation`() throws {
    let matrix = try fixture()
    try matrix.set("\(Self.eval)/eval_info.json", ["protocol", "ablation"], to: "random")
    let finding = try #require(try conditions(matrix)[0]["finding"]?.string)
    #expect(finding.contains("is itself an ablation, random"), "\(finding)")
  }

  @Test func `no method is compared by an ablated evaluation`() throws {
    for arms in [["E2"], ["E0", "E2"]] {
      let matrix = try FixtureMatrix()
      for arm in arms {
        try matrix.set("\(arm)_seed0/eval/eval_info.json", ["protocol", "ablation"], to: "blank_images")
      }
      let text = try matrix.report().table()
      #expect(text.contains("E2 is not compared with E0."), "\(text)")
      #expect(text.contains("E2_seed0 was evaluated under the ablation blank_images, which says nothing"))
    }
  }

  @Test func `is a section of the report in all its formats`() throws {
    let matrix = try fixture()
    try evaluation(
      matrix, "\(Self.eval)/ablations/contrary_instruction", (0..<16).map { $0 < 3 }, "contrary_instruction")
    let report = try matrix.report()
    let sentence = "this checkpoint reaches the goal less often"
    let html = report.html()
    #expect(html.contains("<h2>Ablations</h2>") && html.contains(sentence) && html.contains("blank_image.image2"))
    #expect(report.json["ablations"]?["E2_seed0"]?["conditions"]?.array?.count == 3)
    #expect(report.json["ablations"]?.object?.count == 1)
    #expect(report.markdown.contains("## Ablations of the checkpoint E2_seed0") && report.markdown.contains(sentence))
    #expect(report.csv.components(separatedBy: "E2_seed0,E2,0,eval/ablations/zero,").count == 17)
    #expect(report.table().contains("E2 · given the contrary instruction"))
    #expect(report.csv.components(separatedBy: "\nE2_seed0,").count == 1 + 16 * 4, "each evaluation once")
    let plain = try FixtureMatrix().report()
    #expect(!plain.html().contains("<h2>Ablations</h2>"))
  }
}
