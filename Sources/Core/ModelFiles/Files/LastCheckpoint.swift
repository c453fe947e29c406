import Foundation

/// The newest checkpoint of a run, among the folders of its `checkpoints`: the one that `last` names, a link or, on disks
/// without links, a file; else the one of the highest step.
public enum LastCheckpoint {
  /// The name of the link or file.
  public static let name = "last"

  /// The newest checkpoint that is whole; nil without one.
  public static func folder(in checkpoints: URL) -> URL? {
    if let named = named(in: checkpoints), isFolder(named) { return named }
    let names = (try? FileManager.default.contentsOfDirectory(atPath: checkpoints.path)) ?? []
    let steps = names.compactMap { name in step(of: name).map { (name: name, step: $0) } }
    let folders = steps.sorted { $0.step > $1.step }.map {
      checkpoints.appendingPathComponent($0.name, isDirectory: true)
    }
    // A run that was copied without links may have nothing but the folder that the link once was.
    return (folders + [checkpoints.appendingPathComponent(name, isDirectory: true)]).first(where: isWhole)
  }

  /// Makes `last` name a checkpoint beside it.
  ///
  /// A folder of that name, as copies without links have it, makes room: it gets its step's name, or goes if that
  /// checkpoint is there.
  public static func set(_ step: String, in checkpoints: URL) throws {
    let files = FileManager.default
    let (place, new) = (checkpoints.appendingPathComponent(name), checkpoints.appendingPathComponent(".last.partial"))
    if isFolder(place) {
      let own = state(of: place)?["step"]?.integer.map { String($0).zeroPadded(to: step.count) } ?? step
      let target = checkpoints.appendingPathComponent(own, isDirectory: true)
      if isWhole(target) { try files.removeItem(at: place) } else { try files.moveItem(at: place, to: target) }
    }
    try? files.removeItem(at: new)
    do { try files.createSymbolicLink(atPath: new.path, withDestinationPath: step) } catch {
      try AtomicFile.write(Array(step.utf8), to: place, overwrite: true)
      return
    }
    guard rename(new.path, place.path) == 0 else {
      throw FileError.system(place.path, "write", String(cString: strerror(errno)))
    }
  }

  private static func named(in checkpoints: URL) -> URL? {
    let place = checkpoints.appendingPathComponent(name)
    let target = try? FileManager.default.destinationOfSymbolicLink(atPath: place.path)
    let written = target ?? (isFolder(place) ? nil : (try? MappedFile(place).text))
    // Who writes such a file by hand ends its line.
    let text = written?.trimmingCharacters(in: .whitespacesAndNewlines)
    guard let text, text.utf8.count < 64, step(of: text) != nil else { return nil }
    return checkpoints.appendingPathComponent(text, isDirectory: true)
  }

  /// The step that a checkpoint's name tells; nil for any other name.
  private static func step(of name: String) -> Int? {
    !name.isEmpty && name.allSatisfy { $0.isASCII && $0.isWholeNumber } ? Int(name) : nil
  }

  /// The step of a checkpoint, from its name or, where that does not tell it, from its state.
  public static func step(of checkpoint: URL) -> Int? {
    step(of: checkpoint.lastPathComponent) ?? state(of: checkpoint)?["step"]?.integer
  }

  private static func state(of checkpoint: URL) -> JSON? {
    try? JSON(contentsOf: checkpoint.appendingPathComponent("training_state/training_step.json"))
  }

  private static func isWhole(_ checkpoint: URL) -> Bool {
    isFolder(checkpoint) && state(of: checkpoint) != nil
      && isFolder(checkpoint.appendingPathComponent("pretrained_model"))
  }

  /// Whether there is a folder, and no link to one.
  private static func isFolder(_ url: URL) -> Bool {
    (try? FileManager.default.attributesOfItem(atPath: url.path)[.type] as? FileAttributeType) == .typeDirectory
  }
}
