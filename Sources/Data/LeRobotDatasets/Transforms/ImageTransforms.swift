import CounterBasedRandom
import Foundation
import RGBImages

/// LeRobot's random changes to training images: of a weighted list, some are drawn for each image and applied.
///
/// What is drawn is a function of (seed, the sample's place in the endless sequence of samples, camera), so that neither
/// threads, batch size nor a resume changes it. Images are changed as float32 and stay that, as in LeRobot.
public struct ImageTransforms: Sendable {
  private let transforms: [(weight: Double, transform: ImageTransform)]
  private let count: Int
  private let hasRandomOrder: Bool
  private let random: CountedRandom

  /// Draws from a list; transforms without weight are never drawn.
  ///
  /// - Parameters:
  ///   - most: how many are applied to an image, at most all.
  ///   - hasRandomOrder: whether they are applied in the order drawn, or in the list's.
  public init(_ transforms: [(weight: Double, transform: ImageTransform)], most: Int, hasRandomOrder: Bool, seed: Int) {
    self.transforms = transforms.filter { $0.weight > 0 }
    count = max(0, min(most, self.transforms.count))
    self.hasRandomOrder = hasRandomOrder
    random = CountedRandom(seed: seed, "image-transforms")
  }

  /// The changed image of a camera in the sample that is `draw`th of all samples, from 0.
  public func apply(to image: RGBImage, draw: Int, camera: String) -> PlanarImage {
    let random = random.at(draw).at(camera)
    var result = PlanarImage(image)
    for number in drawn(random) { transforms[number].transform.apply(to: &result, random.at(number)) }
    return result
  }

  /// Which transforms, in the order in which they are applied.
  ///
  /// Without replacement, each draw by weight: the first `count` of exponential clocks that run at the weights' rates.
  func drawn(_ random: CountedRandom) -> [Int] {
    let clocks = random.at("choice")
    let times = transforms.indices.map { -log(1 - clocks.uniform($0)) / transforms[$0].weight }
    let first = transforms.indices.sorted { (times[$0], $0) < (times[$1], $1) }.prefix(count)
    return hasRandomOrder ? Array(first) : first.sorted()
  }
}
