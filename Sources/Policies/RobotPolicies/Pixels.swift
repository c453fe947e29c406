import Failures
import LibTorch
import RGBImages
import Tracing

// The one way from images to numbers: pixels stay bytes until they are on the device.

extension Tensor {
  /// Creates the pixels of images of one size: [B, H, W, 3] uint8 on the CPU.
  public static func pixels(of images: [RGBImage], camera: String) throws -> Tensor {
    guard let first = images.first, images.allSatisfy({ ($0.width, $0.height) == (first.width, first.height) })
    else { throw Failure("the images of \(camera) differ in size") }
    return try Tensor(images.flatMap(\.pixels), shape: [images.count, first.height, first.width, 3])
  }

  /// Whether these are pixels, [B, H, W, 3] uint8, rather than numbers.
  var isPixels: Bool { dtype == .uint8 && rank == 4 && size(3) == 3 }

  /// Converts pixels [B, H, W, 3] uint8 to [B, 3, H, W] float32 in [0, 1].
  public func normalizedPixels() throws -> Tensor {
    try to(.float32).permuted([0, 3, 1, 2]).contiguous() / 255
  }
}

extension Batch {
  /// Moves the pixels of all cameras to `device` and converts them there.
  func normalizingPixels(on device: Device) throws -> Batch {
    var batch = self
    for (key, tensor) in tensors where tensor.isPixels {
      batch[key] = try traced(.copy) { try tensor.to(device) }.normalizedPixels()
    }
    return batch
  }
}
