import Foundation

/// Development data that lies beside a checkout, in `../shared`, and nowhere else; tests that need it say so and skip.
public enum SharedData {
  /// The folder, or nil where this checkout has none.
  public static var directory: URL? {
    let folder = Checkout.url.deletingLastPathComponent().appendingPathComponent("shared")
    return FileManager.default.fileExists(atPath: folder.path) ? folder : nil
  }
}
