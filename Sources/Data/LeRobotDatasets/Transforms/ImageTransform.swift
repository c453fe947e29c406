import CounterBasedRandom
import Failures
import Foundation
import ModelFiles
import OrderedCollections

/// One kind of random change to an image, under torchvision's or LeRobot's name and with its arguments.
public enum ImageTransform: Sendable, Equatable {
  case identity
  /// torchvision's `ColorJitter`: factors drawn from ranges, applied in random order; nil leaves a property alone.
  case colorJitter(
    brightness: ClosedRange<Double>?, contrast: ClosedRange<Double>?, saturation: ClosedRange<Double>?,
    hue: ClosedRange<Double>?)
  /// LeRobot's `SharpnessJitter`: a factor drawn from a range.
  case sharpnessJitter(ClosedRange<Double>)
  /// torchvision's `RandomAffine` to the nearest pixel, black outside.
  case affine(RandomAffine)

  /// What ``affine(_:)`` draws from.
  public struct RandomAffine: Sendable, Equatable {
    /// Degrees, clockwise.
    var degrees: ClosedRange<Double>
    /// Largest shift along x and y, in widths and heights.
    var shift: (x: Double, y: Double)?
    var scale: ClosedRange<Double>?
    /// Degrees along x, and along y.
    var shear: [ClosedRange<Double>]

    /// Whether all ranges are the same.
    public static func == (one: Self, other: Self) -> Bool {
      one.degrees == other.degrees && one.shift?.x == other.shift?.x && one.shift?.y == other.shift?.y
        && one.scale == other.scale && one.shear == other.shear
    }

    func motion(width: Int, height: Int, _ random: CountedRandom) -> AffineMotion {
      var motion = AffineMotion(angle: random.uniform(0, in: degrees))
      if let shift {
        func pixels(_ most: Double, _ index: Int) -> Int {
          Int(random.uniform(index, in: -most...most).rounded(.toNearestOrEven))
        }
        motion.shift = (pixels(shift.x * Double(width), 1), pixels(shift.y * Double(height), 2))
      }
      if let scale { motion.scale = random.uniform(3, in: scale) }
      if let range = shear.first { motion.shear.x = random.uniform(4, in: range) }
      if shear.count > 1 { motion.shear.y = random.uniform(5, in: shear[1]) }
      return motion
    }
  }

  /// Changes an image by what the random numbers say.
  func apply(to image: inout PlanarImage, _ random: CountedRandom) {
    switch self {
    case .identity: break
    case .colorJitter(let brightness, let contrast, let saturation, let hue):
      for property in random.at("order").permutation(of: 4) {
        switch property {
        case 0: if let brightness { image.adjustBrightness(random.uniform(0, in: brightness)) }
        case 1: if let contrast { image.adjustContrast(random.uniform(1, in: contrast)) }
        case 2: if let saturation { image.adjustSaturation(random.uniform(2, in: saturation)) }
        default: if let hue { image.adjustHue(random.uniform(3, in: hue)) }
        }
      }
    case .sharpnessJitter(let range): image.adjustSharpness(random.uniform(0, in: range))
    case .affine(let affine): image.move(affine.motion(width: image.width, height: image.height, random))
    }
  }
}

extension ImageTransform {
  /// The names that `type` can have.
  public static let types = ["Identity", "ColorJitter", "SharpnessJitter", "RandomAffine"]

  /// Reads a transform as LeRobot's `ImageTransformConfig` has it.
  ///
  /// - Throws: if the type is not among ``types``, an argument is unknown, or a value is not what torchvision takes.
  public init(type: String, arguments: OrderedDictionary<String, JSON>) throws {
    let arguments = Arguments(type: type, values: arguments)
    switch type {
    case "Identity":
      try arguments.allow([])
      self = .identity
    case "ColorJitter":
      try arguments.allow(["brightness", "contrast", "saturation", "hue"])
      self = .colorJitter(
        brightness: try arguments.factor("brightness"), contrast: try arguments.factor("contrast"),
        saturation: try arguments.factor("saturation"), hue: try arguments.hue())
    case "SharpnessJitter":
      try arguments.allow(["sharpness"])
      guard let range = try arguments.factor("sharpness") else {
        throw Failure("expected \"sharpness\" among the arguments of SharpnessJitter, found none")
      }
      self = .sharpnessJitter(range)
    case "RandomAffine":
      try arguments.allow(["degrees", "translate", "scale", "shear"])
      self = .affine(try arguments.affine())
    default:
      throw Failure("expected a transform type that is one of \(Self.types.joined(separator: ", ")), found \(type)")
    }
  }
}

/// The `kwargs` of a transform.
private struct Arguments {
  let type: String
  let values: OrderedDictionary<String, JSON>

  func allow(_ names: [String]) throws {
    guard let unknown = values.keys.first(where: { !names.contains($0) }) else { return }
    let known = names.isEmpty ? "no arguments" : "the arguments " + names.joined(separator: ", ")
    throw Failure("expected \(known) for \(type), found \(unknown)")
  }

  private func wrong(_ name: String, _ expected: String) -> Failure {
    Failure("expected \(expected) for \(type)'s \"\(name)\", found \((values[name] ?? .null).text(.line))")
  }

  /// A list of numbers, or one number alone; nil if there is none.
  private func numbers(_ name: String) -> (list: [Double], isSingle: Bool)? {
    guard let json = values[name], json != .null else { return nil }
    if let number = json.double { return ([number], true) }
    return ((json.array ?? []).map { $0.double ?? .nan }, false)
  }

  /// A pair that ascends within bounds; of one number, as far to both sides of the center.
  private func range(
    _ name: String, around center: Double, within bounds: ClosedRange<Double>, _ expected: String
  ) throws -> ClosedRange<Double>? {
    guard let (list, isSingle) = numbers(name) else { return nil }
    var pair = list
    if isSingle, list[0] >= 0 { pair = [max(center - list[0], bounds.lowerBound), center + list[0]] }
    guard pair.count == 2, pair[0] <= pair[1], bounds.contains(pair[0]), bounds.contains(pair[1]) else {
      throw wrong(name, expected)
    }
    return pair[0]...pair[1]
  }

  func factor(_ name: String) throws -> ClosedRange<Double>? {
    try range(name, around: 1, within: 0...1e6, "a number from 0, or two that ascend from 0")
  }

  func hue() throws -> ClosedRange<Double>? {
    let expected = "a number from 0 to 0.5, or two that ascend within -0.5 to 0.5"
    let range = try range("hue", around: 0, within: -0.5...0.5, expected)
    return range == 0...0 ? nil : range
  }

  func affine() throws -> ImageTransform.RandomAffine {
    let turns = "a number of degrees from 0, or two that ascend"
    guard let degrees = try range("degrees", around: 0, within: -1e6...1e6, turns) else {
      throw wrong("degrees", turns)
    }
    let shift = numbers("translate")?.list
    guard shift.map({ $0.count == 2 && $0.allSatisfy { (0...1).contains($0) } }) ?? true else {
      throw wrong("translate", "two numbers from 0 to 1")
    }
    let positive = "two numbers that ascend from above 0"
    let scale = numbers("scale")?.isSingle == true ? nil : try range("scale", around: 0, within: 1e-6...1e6, positive)
    guard scale != nil || numbers("scale") == nil else { throw wrong("scale", positive) }
    return ImageTransform.RandomAffine(
      degrees: degrees, shift: shift.map { ($0[0], $0[1]) }, scale: scale, shear: try shear())
  }

  private func shear() throws -> [ClosedRange<Double>] {
    let expected = "a number of degrees from 0, or two or four that ascend, between -89 and 89"
    guard let four = numbers("shear")?.list, four.count == 4 else {
      return try range("shear", around: 0, within: -89...89, expected).map { [$0] } ?? []
    }
    guard four.allSatisfy({ abs($0) <= 89 }), four[0] <= four[1], four[2] <= four[3] else {
      throw wrong("shear", expected)
    }
    return [four[0]...four[1], four[2]...four[3]]
  }
}
