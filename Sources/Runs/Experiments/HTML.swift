import Foundation

/// A piece of HTML that is safe by its type: text put into it is escaped, pieces of HTML are not.
struct HTML: Sendable, ExpressibleByStringInterpolation {
  private(set) var source: String

  init(stringLiteral value: String) { source = value }
  init(stringInterpolation: Interpolation) { source = stringInterpolation.source }

  init(_ pieces: some Sequence<HTML>, separator: String = "\n") {
    source = pieces.map(\.source).joined(separator: separator)
  }

  /// Bytes as an address within the page; base64 needs no escaping.
  static func data(_ bytes: [UInt8], _ type: String) -> HTML {
    HTML(stringLiteral: "data:\(type);base64,\(Data(bytes).base64EncodedString())")
  }

  struct Interpolation: StringInterpolationProtocol {
    fileprivate var source = ""

    init(literalCapacity: Int, interpolationCount: Int) { source.reserveCapacity(literalCapacity) }
    mutating func appendLiteral(_ literal: String) { source += literal }
    mutating func appendInterpolation(_ html: HTML) { source += html.source }
    mutating func appendInterpolation(_ pieces: [HTML]) { source += HTML(pieces).source }
    mutating func appendInterpolation(_ text: String) { source += HTML.escaped(text) }
    mutating func appendInterpolation(_ number: Int) { source += String(number) }
    /// A coordinate, to a hundredth.
    mutating func appendInterpolation(_ number: Double) { source += number.coordinate }
  }

  static func escaped(_ text: String) -> String {
    var result = ""
    result.reserveCapacity(text.utf8.count)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "'": result += "&#39;"
      // Control characters are not allowed in HTML.
      case "\u{0}"..."\u{8}", "\u{B}"..."\u{1F}", "\u{7F}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}

extension Double {
  var coordinate: String {
    guard isFinite else { return "0" }
    let rounded = (self * 100).rounded() / 100
    return rounded == rounded.rounded() && abs(rounded) < 1e9 ? String(Int(rounded)) : String(format: "%.2f", rounded)
  }

  /// A share as `72.5`, in percent; a dash if not finite.
  var percent: String { isFinite ? String(format: "%.1f", self * 100) : "–" }

  /// A difference of shares as `+2.5`, in points, with a true minus.
  var points: String {
    guard isFinite else { return "–" }
    let text = String(format: "%.1f", abs(self) * 100)
    return (text == "0.0" ? "" : self < 0 ? "\u{2212}" : "+") + text
  }

  /// A tick of differences, `+15`; a decimal only if needed.
  var wholePoints: String { points.hasSuffix(".0") ? String(points.dropLast(2)) : points }

  /// A p-value as text.
  var probability: String { self < 0.001 ? "< 0.001" : String(format: "%.3f", self) }

  /// A number with three significant digits.
  var short: String {
    guard isFinite else { return "–" }
    let text = String(format: "%.3g", self)
    return text.replacingOccurrences(of: "-", with: "\u{2212}")
  }
}
