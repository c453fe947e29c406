import Foundation
import ModelFiles
import Testing

/// Runs in bf16 beside runs in fp32; closed-loop success is compared by `make test-precision`.
struct PrecisionRunTests {
  private static let window = 20

  @Test func `losses of 200 steps in bf16 follow those in fp32`() throws {
    try Fixture.within { folder in
      let means = try ["fp32", "bf16"].map { precision in
        try Program.succeed(
          ["train", "--output_dir=\(precision)", "--policy.precision=\(precision)"] + Flags.train
            + ["--steps=200", "--save_checkpoint=false"], in: folder)
        return try Self.meanLosses(folder.appendingPathComponent("\(precision)/metrics.jsonl"))
      }
      #expect(means[0].count == 10 && means[0] != means[1])
      for (fp32, bf16) in zip(means[0], means[1]) { #expect(abs(bf16 / fp32 - 1) < 1e-3, "\(means)") }
      #expect(try #require(means[0].last) < 0.95 * #require(means[0].first), "learned enough to differ: \(means)")
    }
  }

  private static func meanLosses(_ log: URL) throws -> [Double] {
    let losses = try String(contentsOf: log, encoding: .utf8).split(separator: "\n").map {
      try #require(try JSON(parsing: String($0))["loss"]?.double)
    }
    return stride(from: 0, to: losses.count, by: window).map { start in
      let part = losses[start..<min(start + window, losses.count)]
      return part.reduce(0, +) / Double(part.count)
    }
  }
}
