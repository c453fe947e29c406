@testable import WorldLatents
import Foundation
import Testing

@testable import WorldModality

struct DatasetFingerprintTests {
  @Test func `a dataset's fingerprint changes with its files`() throws {
    let tiny = try TinyDataset()
    let episodes = tiny.folder.appendingPathComponent("meta/episodes/chunk-000")
    try FileManager.default.createDirectory(at: episodes, withIntermediateDirectories: true)
    try Data("{}".utf8).write(to: tiny.folder.appendingPathComponent("meta/info.json"))
    try Data("one".utf8).write(to: episodes.appendingPathComponent("file-000.parquet"))
    let first = try DatasetFingerprint(root: tiny.folder, episodes: 1, frames: 2)
    #expect(first.files.keys == ["meta/info.json", "meta/episodes/chunk-000/file-000.parquet"])
    #expect(try DatasetFingerprint(root: tiny.folder, episodes: 1, frames: 2) == first)
    // A snapshot is named after its commit; a download into a folder notes it beside each file; a folder knows none.
    #expect(first.revision == nil)
    let notes = tiny.folder.appendingPathComponent(".cache/huggingface/download/meta")
    try FileManager.default.createDirectory(at: notes, withIntermediateDirectories: true)
    let note = notes.appendingPathComponent("info.json.metadata")
    for (text, revision) in [
      ("\(TinyDataset.commit)\netag\n1.5\n", TinyDataset.commit), ("main\netag\n", nil), ("", nil),
    ] {
      try Data(text.utf8).write(to: note)
      #expect(DatasetFingerprint.revision(of: tiny.folder) == revision)
    }
    let snapshots = tiny.folder.appendingPathComponent("snapshots")
    for (name, revision) in [(TinyDataset.commit, TinyDataset.commit), ("main", nil)] {
      let snapshot = snapshots.appendingPathComponent(name)
      try FileManager.default.createDirectory(at: snapshot, withIntermediateDirectories: true)
      #expect(DatasetFingerprint.revision(of: snapshot) == revision)
    }
    try Data("two".utf8).write(to: episodes.appendingPathComponent("file-000.parquet"))
    #expect(try DatasetFingerprint(root: tiny.folder, episodes: 1, frames: 2) != first)
  }
}
