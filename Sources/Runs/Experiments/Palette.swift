import Foundation

/// A color in sRGB.
struct Color: Sendable, Equatable {
  /// `#0072b2`
  let hexadecimal: String

  init(_ hexadecimal: String) { self.hexadecimal = hexadecimal }

  /// Red, green and blue as amounts of light, 0 … 1 (IEC 61966-2-1).
  var linear: [Double] {
    let value = Int(hexadecimal.dropFirst(), radix: 16) ?? 0
    return [16, 8, 0].map { shift in
      let part = Double((value >> shift) & 0xff) / 255
      return part <= 0.04045 ? part / 12.92 : pow((part + 0.055) / 1.055, 2.4)
    }
  }

  /// WCAG's contrast with another color, 1 … 21.
  func contrast(with other: Color) -> Double {
    func luminance(_ color: Color) -> Double {
      zip([0.2126, 0.7152, 0.0722], color.linear).reduce(0) { $0 + $1.0 * $1.1 }
    }
    let (one, two) = (luminance(self), luminance(other))
    return (max(one, two) + 0.05) / (min(one, two) + 0.05)
  }
}

/// The page's colors on a light or a dark background.
struct Palette: Sendable {
  /// By CSS variable: text, backgrounds, lines.
  let surfaces: [(name: String, color: Color)]
  /// The arms' colors, which readers with a color-vision deficiency can tell apart. More arms than colors begin again,
  /// with other line styles.
  let arms: [Color]

  var paper: Color { surfaces.first { $0.name == "paper" }?.color ?? Color("#ffffff") }

  static let light = Palette(
    surfaces: [
      ("paper", "#ffffff"), ("ink", "#1c2024"), ("muted", "#5b656e"), ("panel", "#f5f6f8"), ("line", "#dfe3e8"),
      ("axis", "#8b959e"), ("good", "#00704f"), ("bad", "#a33d00"), ("link", "#0a5ea8"), ("warn", "#fff6e0"),
      ("warnline", "#c99700"),
    ].map { ($0, Color($1)) },
    arms: ["#0a50b8", "#e06c05", "#10a07a", "#a3288f", "#6b4b1a", "#2b2b33"].map { Color($0) })

  static let dark = Palette(
    surfaces: [
      ("paper", "#14171a"), ("ink", "#e6e9ec"), ("muted", "#a3adb6"), ("panel", "#1d2125"), ("line", "#2f353b"),
      ("axis", "#6d7882"), ("good", "#3fd0a6"), ("bad", "#f59a5a"), ("link", "#7cbcf5"), ("warn", "#2b2617"),
      ("warnline", "#a88a3a"),
    ].map { ($0, Color($1)) },
    arms: ["#6f80f2", "#d87c22", "#20bd92", "#c583d2", "#e9e34b", "#d8fbfb"].map { Color($0) })

  /// The colors as CSS variables, `--paper` and `--c0` … .
  var css: String {
    (surfaces.map { "--\($0.name): \($0.color.hexadecimal);" }
      + arms.enumerated().map { "--c\($0.offset): \($0.element.hexadecimal);" }).joined(separator: " ")
  }
}
