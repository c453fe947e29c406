import CounterBasedRandom
import Foundation
import ModelFiles
import OrderedCollections
import RGBImages
import Testing
import WorkerThreads

@testable import LeRobotDatasets

private func goldenImage(_ document: JSON) throws -> RGBImage {
  let pixels = try #require(document["pixels"]?.array).compactMap { $0.integer.map(UInt8.init) }
  return try RGBImage(
    width: try #require(document["width"]?.integer), height: try #require(document["height"]?.integer), pixels: pixels)
}

private func changed(_ image: PlanarImage, by golden: JSON) throws -> PlanarImage {
  var image = image
  if let rows = golden["rows"]?.integer {
    let values = (0..<3).flatMap { image.values[$0 * image.area..<$0 * image.area + rows * image.width] }
    image = PlanarImage(width: image.width, height: rows, values: values)
  }
  let factor = golden["factor"]?.double ?? 0
  switch golden["operation"]?.string {
  case "brightness": image.adjustBrightness(factor)
  case "contrast": image.adjustContrast(factor)
  case "saturation": image.adjustSaturation(factor)
  case "hue": image.adjustHue(factor)
  case "sharpness": image.adjustSharpness(factor)
  default:
    func pair(_ name: String) -> [Double] { golden[name]?.array?.compactMap(\.double) ?? [] }
    let (shift, shear) = (pair("translate"), pair("shear"))
    image.move(
      AffineMotion(
        angle: try #require(golden["angle"]?.double), shift: (Int(shift[0]), Int(shift[1])),
        scale: try #require(golden["scale"]?.double), shear: (shear[0], shear[1])))
  }
  return image
}

@Test func `every change of an image is torchvision's`() throws {
  let document = try JSON(contentsOf: golden("transforms.json"))
  let image = PlanarImage(try goldenImage(document))
  let truth = try Data(contentsOf: golden("transforms.f32")).withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
  var offset = 0
  var worst: Float = 0
  for description in try #require(document["cases"]?.array) {
    let found = try changed(image, by: description)
    let wanted = truth[offset..<offset + found.values.count]
    offset += found.values.count
    let apart = zip(found.values, wanted).map { abs($0 - $1) }.max() ?? 1
    #expect(apart <= 1e-6, "\(description.text(.line)): \(apart)")
    worst = max(worst, apart)
  }
  #expect(offset == truth.count)
  if ProcessInfo.processInfo.environment["WM_PARITY_DATASET_GOLDENS"] != nil {
    print("parity torchvision: image transforms equal, deviation \(worst) (tolerance 1e-6)")
  }
}

private func jitter(_ name: String, _ range: JSON) throws -> ImageTransform {
  try ImageTransform(type: "ColorJitter", arguments: [name: range])
}

@Test func `arguments mean what they mean to torchvision`() throws {
  func colors(_ brightness: ClosedRange<Double>?, _ hue: ClosedRange<Double>?) -> ImageTransform {
    .colorJitter(brightness: brightness, contrast: nil, saturation: nil, hue: hue)
  }
  #expect(try jitter("brightness", 0.25) == colors(0.75...1.25, nil))
  #expect(try jitter("brightness", 3) == colors(0...4, nil))
  #expect(try jitter("brightness", [0, 0.5]) == colors(0...0.5, nil))
  #expect(try jitter("hue", 0.25) == colors(nil, -0.25...0.25))
  #expect(try jitter("hue", 0) == colors(nil, nil))
  #expect(try jitter("brightness", nil) == colors(nil, nil))
  #expect(try ImageTransform(type: "SharpnessJitter", arguments: ["sharpness": 0.5]) == .sharpnessJitter(0.5...1.5))
  #expect(try ImageTransform(type: "Identity", arguments: [:]) == .identity)
  #expect(
    try ImageTransform(type: "RandomAffine", arguments: ["degrees": 5, "scale": [0.5, 2], "shear": [0, 1, 2, 3]])
      == .affine(.init(degrees: -5...5, shift: nil, scale: 0.5...2, shear: [0...1, 2...3])))
}

@Test func `arguments that torchvision would not take are one sentence that names them`() throws {
  let wrong: [(String, OrderedDictionary<String, JSON>, String)] = [
    ("GaussianBlur", [:], "GaussianBlur"), ("Identity", ["p": 1], "found p"), ("ColorJitter", ["gamma": 1], "gamma"),
    ("ColorJitter", ["brightness": -1], "brightness"), ("ColorJitter", ["contrast": [1.2, 0.8]], "contrast"),
    ("ColorJitter", ["saturation": "2"], "saturation"), ("ColorJitter", ["hue": 0.6], "hue"),
    ("ColorJitter", ["hue": [-0.6, 0]], "hue"), ("ColorJitter", ["brightness": [1]], "brightness"),
    ("ColorJitter", ["brightness": [1, nil]], "brightness"), ("SharpnessJitter", [:], "sharpness"),
    ("SharpnessJitter", ["sharpness": [-1, 1]], "sharpness"), ("RandomAffine", [:], "degrees"),
    ("RandomAffine", ["degrees": -1], "degrees"),
    ("RandomAffine", ["degrees": 1, "translate": [0.1, 2]], "translate"),
    ("RandomAffine", ["degrees": 1, "translate": 0.1], "translate"),
    ("RandomAffine", ["degrees": 1, "scale": 0.5], "scale"),
    ("RandomAffine", ["degrees": 1, "scale": [0, 1]], "scale"),
    ("RandomAffine", ["degrees": 1, "shear": [0, 1, 2]], "shear"),
    ("RandomAffine", ["degrees": 1, "shear": 90], "shear"), ("RandomAffine", ["degrees": 1, "fill": 1], "fill"),
  ]
  for (type, arguments, name) in wrong {
    let message = sentence { _ = try ImageTransform(type: type, arguments: arguments) }
    #expect(message.contains(name) && message.hasPrefix("expected"), "\(message)")
  }
}

@Test func `transforms are drawn by weight, without replacement, in the list's order or a random one`() throws {
  let identity = ImageTransform.identity
  let weights = [1.0, 0, 2, 5]
  func counts(_ most: Int, randomOrder: Bool) -> (first: [Int], all: [Int], orders: Set<[Int]>) {
    let transforms = ImageTransforms(
      weights.map { ($0, identity) }, most: most, hasRandomOrder: randomOrder, seed: 1)
    var (first, all) = ([0, 0, 0], [0, 0, 0])
    var orders: Set<[Int]> = []
    for draw in 0..<8000 {
      let drawn = transforms.drawn(CountedRandom(seed: 3, "test").at(draw))
      #expect(Set(drawn).count == drawn.count)
      if let one = drawn.first { first[one] += 1 }
      for one in drawn { all[one] += 1 }
      orders.insert(drawn)
    }
    return (first, all, orders)
  }
  // The one without weight is gone; 5 standard deviations of 8,000 draws are below 225.
  for (count, wanted) in zip(counts(1, randomOrder: false).all, [1000, 2000, 5000]) {
    #expect(abs(count - wanted) < 225)
  }
  let pairs = counts(2, randomOrder: true)
  for (count, wanted) in zip(pairs.first, [1000, 2000, 5000]) { #expect(abs(count - wanted) < 225) }
  // 1/8 first, or second after the others: 2/8 · 1/6 + 5/8 · 1/3.
  #expect(abs(Double(pairs.all[0]) - 8000 * (0.125 + 0.25 / 6 + 0.625 / 3)) < 225)
  #expect(pairs.orders.count == 6)
  #expect(counts(2, randomOrder: false).orders == [[0, 1], [0, 2], [1, 2]])
  #expect(counts(9, randomOrder: false).orders == [[0, 1, 2]])
  #expect(counts(0, randomOrder: true).orders == [[]])
}

private func allTransforms(seed: Int = 7) throws -> ImageTransforms {
  let list: [(Double, ImageTransform)] = [
    (1, try jitter("brightness", [0.5, 1.5])), (1, try jitter("hue", 0.3)),
    (1, try ImageTransform(type: "RandomAffine", arguments: ["degrees": 20, "translate": [0.2, 0.2]])),
  ]
  return ImageTransforms(list, most: 2, hasRandomOrder: true, seed: seed)
}

@Test func `what is drawn depends on the seed, the sample's place and the camera, and on nothing else`() throws {
  let data = try LeRobotDataset(root: golden("images"))
  var request = data.everything(chunkSize: 2)
  request.transforms = try allTransforms()
  func values(_ batches: [SampleBatch]) throws -> [String: [Float]] {
    var values: [String: [Float]] = [:]
    for batch in batches {
      for (camera, images) in batch.images {
        guard case .transformed(let found) = images.pixels else { continue }
        #expect(found.count == images.count * 3 * images.width * images.height && images.count == batch.positions.count)
        values[camera, default: []] += found
      }
    }
    return values
  }
  func load(from first: Int, size: Int, workers: Int, _ request: SampleSpecification) throws -> [String: [Float]] {
    let sampler = try BatchSampler(count: data.count, batchSize: size, seed: 1)
    let steps = first / size..<24 / size
    let loader = OrderedPrefetcher(steps: steps, workers: workers) {
      try data.batch(sampler.samples(step: $0), request, draw: $0 * sampler.batchSize)
    }
    var batches: [SampleBatch] = []
    while let batch = try loader.next() { batches.append(batch) }
    return try values(batches)
  }
  let whole = try load(from: 0, size: 6, workers: 0, request)
  #expect(try load(from: 0, size: 6, workers: 4, request) == whole)
  #expect(try load(from: 0, size: 4, workers: 2, request) == whole)
  let imageSize = ToyDataset.width * ToyDataset.height * 3
  #expect(try load(from: 12, size: 6, workers: 1, request) == whole.mapValues { Array($0.dropFirst(12 * imageSize)) })
  request.transforms = try allTransforms(seed: 8)
  #expect(try load(from: 0, size: 6, workers: 0, request) != whole)
  // The same frame at another place, or from another camera, is changed otherwise.
  let image = try ToyDataset.image(0, 0, 0)
  let transforms = try allTransforms()
  #expect(transforms.apply(to: image, draw: 0, camera: "a") == transforms.apply(to: image, draw: 0, camera: "a"))
  #expect(transforms.apply(to: image, draw: 0, camera: "a") != transforms.apply(to: image, draw: 12, camera: "a"))
  #expect(transforms.apply(to: image, draw: 0, camera: "a") != transforms.apply(to: image, draw: 0, camera: "b"))
}

@Test func `drawn motions stay within their ranges and shift by whole pixels`() throws {
  let transform = try ImageTransform(
    type: "RandomAffine",
    arguments: ["degrees": [-5, 10], "translate": [0.1, 0], "scale": [0.5, 2], "shear": [1, 2, -3, -2]])
  guard case .affine(let affine) = transform else { return }
  let motions = (0..<300).map { affine.motion(width: 40, height: 30, CountedRandom(seed: 0, "t").at($0)) }
  #expect(motions.allSatisfy { (-5...10).contains($0.angle) && (0.5...2).contains($0.scale) })
  #expect(motions.allSatisfy { (1...2).contains($0.shear.x) && (-3...(-2)).contains($0.shear.y) })
  #expect(Set(motions.map(\.shift.x)) == Set(-4...4) && Set(motions.map(\.shift.y)) == [0])
}
