import Foundation
import Testing

@testable import Experiments

struct PaletteTests {
  /// Full protanopia, deuteranopia and tritanopia in linear RGB: Machado, Oliveira and Fernandes (2009), severity 1.
  private static let deficiencies: [(name: String, matrix: [[Double]])] = [
    ("none", [[1, 0, 0], [0, 1, 0], [0, 0, 1]]),
    (
      "protan",
      [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
    ),
    (
      "deutan",
      [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
    ),
    (
      "tritan",
      [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]]
    ),
  ]

  private func product(_ matrix: [[Double]], _ vector: [Double]) -> [Double] {
    matrix.map { zip($0, vector).reduce(0) { $0 + $1.0 * $1.1 } }
  }

  /// CIELAB under D65, from linear sRGB.
  private func lab(_ linear: [Double]) -> [Double] {
    let xyz = product(
      [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]],
      linear.map { min(max($0, 0), 1) })
    let f = zip(xyz, [0.9505, 1, 1.089]).map { value, white -> Double in
      let t = value / white
      return t > 216.0 / 24389 ? cbrt(t) : (24389.0 / 27 * t + 16) / 116
    }
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]
  }

  private func distance(_ one: [Double], _ other: [Double]) -> Double {
    zip(one, other).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }.squareRoot()
  }

  @Test(arguments: ["light", "dark"])
  func `any two arms' colors can be told apart, whatever the reader's color vision`(mode: String) {
    let palette = mode == "light" ? Palette.light : .dark
    for deficiency in Self.deficiencies {
      let seen = palette.arms.map { lab(product(deficiency.matrix, $0.linear)) }
      for (index, one) in seen.enumerated() {
        for other in seen.indices where other > index {
          // The first three are those of the usual experiment; a difference of 2.3 is just noticeable.
          let least = other < 3 ? 24.0 : 18
          #expect(distance(one, seen[other]) > least, "\(mode), \(deficiency.name): c\(index), c\(other)")
        }
      }
    }
  }

  @Test(arguments: ["light", "dark"])
  func `lines, texts and signs stand out from the background`(mode: String) {
    let palette = mode == "light" ? Palette.light : .dark
    for (index, color) in palette.arms.enumerated() {
      #expect(color.contrast(with: palette.paper) >= 3, "c\(index)")
    }
    let surfaces = Dictionary(uniqueKeysWithValues: palette.surfaces.map { ($0.name, $0.color) })
    // WCAG's least contrast of text, on every background that text stands on.
    for text in ["ink", "muted", "good", "bad", "link"] {
      for background in ["paper", "panel", "warn"] {
        let contrast = surfaces[text].flatMap { text in surfaces[background].map { text.contrast(with: $0) } } ?? 0
        #expect(contrast >= 4.5, "\(text) on \(background): \(contrast)")
      }
    }
  }

  @Test func `contrasts are WCAG's`() {
    #expect(abs(Color("#000000").contrast(with: Color("#ffffff")) - 21) < 1e-9)
    #expect(abs(Color("#777777").contrast(with: Color("#ffffff")) - 4.48) < 0.005)
  }
}
