import Foundation

/// Optional development data beside a checkout, in `../shared`: LIBERO's scene assets and a trace of the official stack.
public enum SharedData {
  /// The folder, if it exists.
  public static var directory: URL? {
    let folder = Checkout.url.deletingLastPathComponent().appendingPathComponent("shared")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }
}
