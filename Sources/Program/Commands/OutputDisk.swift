import Experiments
import Failures
import Foundation

/// The disk that results are written to.
struct OutputDisk {
  /// The folder, or the nearest one above it that exists.
  let folder: URL
  /// Bytes that are free; nil if the system does not say.
  let freeBytes: Double?
  /// Why what is written there may be gone tomorrow; nil for a disk that keeps it.
  let reasonToVanish: String?

  init(_ path: String) {
    var folder = URL(fileURLWithPath: path).standardizedFileURL
    while !FileManager.default.fileExists(atPath: folder.path), folder.path != "/" { folder.deleteLastPathComponent() }
    folder.resolveSymlinksInPath()
    self.folder = folder
    let attributes = try? FileManager.default.attributesOfFileSystem(forPath: folder.path)
    freeBytes = (attributes?[.systemFreeSize] as? NSNumber)?.doubleValue
    reasonToVanish = Self.reasonToVanish(folder)
  }

  private static let volatileSystems = [
    "tmpfs": "is in memory (tmpfs) and gone after a restart",
    "ramfs": "is in memory (ramfs) and gone after a restart",
    "overlay": "is in a container's own layer (overlay) and goes with the container",
  ]

  private static func reasonToVanish(_ folder: URL) -> String? {
    if let reason = fileSystem(of: folder).flatMap({ volatileSystems[$0] }) { return reason }
    let isTemporary = folder.path == "/tmp" || folder.path.hasPrefix("/tmp/")
    return isTemporary ? "is in /tmp, which systems clear at a restart or after some days" : nil
  }

  /// The kind of file system of the device that a folder is on, by Linux's list of mounts; nil if it is not listed.
  private static func fileSystem(of folder: URL) -> String? {
    var status = stat()
    guard stat(folder.path, &status) == 0,
      let mounts = try? String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
    else { return nil }
    let device = UInt64(status.st_dev)
    let (major, minor) = (device >> 8 & 0xfff, device & 0xff | device >> 12 & 0xfff00)
    for line in mounts.split(separator: "\n") {
      // `36 35 98:0 /root /mount options … - ext4 source options`
      let parts = line.split(separator: " ")
      guard parts.count > 2, parts[2] == "\(major):\(minor)", let dash = parts.firstIndex(of: "-") else { continue }
      return dash + 1 < parts.count ? String(parts[dash + 1]) : nil
    }
    return nil
  }

  var freeText: String { freeBytes.map { Self.gigabytes($0) + " free" } ?? "free space unknown" }

  /// Refuses a disk on which a number of checkpoints has no place.
  static func requireSpace(for count: Int, ofBytes bytes: Int, at path: String) throws {
    let (disk, needed) = (OutputDisk(path), Double(count) * Double(bytes))
    guard let free = disk.freeBytes, free < needed else { return }
    throw Failure(
      "\(counted(count, "checkpoint")) to come take \(gigabytes(needed)), \(disk.folder.path) has \(disk.freeText); use a larger --save_freq, or an "
        + "output folder on a larger disk")
  }

  private static func gigabytes(_ bytes: Double) -> String { String(format: "%.1f GB", bytes / 1e9) }

  /// Creates and removes a file in the folder, or in the nearest one above it that exists.
  private func requireWritable(_ name: String) throws {
    let probe = folder.appendingPathComponent(".lerobot-wm-\(UUID().uuidString)")
    do { try Data().write(to: probe) } catch {
      throw Failure(
        "`checkpoint_mirror=\(name)`: nothing can be written in \(folder.path): \(systemReason(of: error)); name a folder that can "
          + "be written to")
    }
    try FileManager.default.removeItem(at: probe)
  }

  /// Warns of an output folder that may vanish, unless its checkpoints are copied to a disk that keeps them.
  ///
  /// - Throws: if nothing can be written to the mirror.
  static func check(_ path: String, mirror: String?, _ checks: inout Checks) throws {
    if let mirror {
      try checks("checkpoint mirror", found: { _ in "\(mirror) can be written" }) {
        try OutputDisk(mirror).requireWritable(mirror)
      }
    }
    let disk = OutputDisk(path)
    guard let reason = disk.reasonToVanish else {
      checks.add([Check("output disk", .ok, "\(disk.folder.path): \(disk.freeText)")])
      return
    }
    guard let mirror else {
      checks.warn(
        "output disk",
        [
          "the output folder \(path) \(reason); choose another, or copy the checkpoints to a disk that lasts with "
            + "--checkpoint_mirror=DIR"
        ])
      return
    }
    if let reason = OutputDisk(mirror).reasonToVanish {
      checks.warn("output disk", ["the checkpoint mirror \(mirror) \(reason); choose another folder"])
    } else {
      checks.add([Check("output disk", .ok, "\(path) \(reason), and checkpoints are copied to \(mirror)")])
    }
  }
}
