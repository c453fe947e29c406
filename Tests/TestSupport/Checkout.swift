import Foundation

/// The folder of the checkout that these tests were compiled from.
public enum Checkout {
  /// The folder with `Package.swift`.
  public static let url = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// A golden of another module's tests, such as `Policies/WorldModalityTests/Goldens`.
  public static func tests(_ path: String) -> URL { url.appendingPathComponent("Tests/\(path)") }
}
