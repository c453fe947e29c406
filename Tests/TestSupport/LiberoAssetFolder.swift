import Foundation

/// LIBERO's scene assets, if this machine has them.
public enum LiberoAssetFolder {
  /// The folder `$WM_LIBERO_ASSETS`, else hf-libero's download, else the archive in `../shared`, unpacked once.
  public static let url: URL? = {
    if let given = ProcessInfo.processInfo.environment["WM_LIBERO_ASSETS"] { return URL(fileURLWithPath: given) }
    let downloaded = FileManager.default.homeDirectoryForCurrentUser.appendingPathComponent(".cache/libero/assets")
    if FileManager.default.fileExists(atPath: downloaded.path) { return downloaded }
    return SharedData.directory.flatMap { unpacked($0.appendingPathComponent("libero-assets.tar.xz")) }
  }()

  private static func unpacked(_ archive: URL) -> URL? {
    let size = (try? FileManager.default.attributesOfItem(atPath: archive.path)[.size] as? Int) ?? 0
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("lerobot-wm-libero-assets-\(size)")
    let assets = folder.appendingPathComponent("libero-assets")
    if FileManager.default.fileExists(atPath: assets.path) { return assets }
    let partial = folder.appendingPathExtension(UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: partial) }
    let tar = Process()
    tar.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    tar.arguments = ["tar", "xJf", archive.path, "-C", partial.path]
    do {
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
      try tar.run()
      tar.waitUntilExit()
      guard tar.terminationStatus == 0 else { return nil }
      try? FileManager.default.moveItem(at: partial, to: folder)
    } catch { return nil }
    return FileManager.default.fileExists(atPath: assets.path) ? assets : nil
  }
}
