import Failures
import Foundation
import Testing
import TestSupport

@testable import LiberoSimulation

/// A folder that is gone when the test is over.
func withTemporaryFolder<Value>(_ body: (URL) throws -> Value) throws -> Value {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("libero-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  return try body(folder)
}

/// The packages' data, or nil where the set-up has not laid it.
let packagedSettings: LiberoSettings? = (try? LiberoSettings.packagedRoot()).map { LiberoSettings(benchmarkRoot: $0) }

extension Trait where Self == ConditionTrait {
  /// A test of the packages' data is skipped where they are absent.
  static var needsPackages: Self { .enabled(if: packagedSettings != nil, "needs hf-libero's data: run `make setup`") }
}

struct LiberoSettingsTests {
  @Test func `are the package's where there is no file, and none is written`() throws {
    try withTemporaryFolder { folder in
      let settings = try LiberoSettings.resolve(
        environment: ["LIBERO_CONFIG_PATH": folder.path, "HOME": folder.path],
        benchmarkRoot: URL(fileURLWithPath: "/package"))
      #expect(settings.bddlFiles.path == "/package/bddl_files" && settings.assets == nil)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }
  }

  @Test func `fall back to the package for keys that are absent`() throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("config.yaml")
      try "assets: /data/libero assets\ninit_states:\ndatasets: ~\n".write(to: file, atomically: true, encoding: .utf8)
      let settings = try LiberoSettings.resolve(
        environment: ["LIBERO_CONFIG_PATH": folder.path], benchmarkRoot: URL(fileURLWithPath: "/package"))
      #expect(settings.assets?.path == "/data/libero assets")
      #expect(settings.initialStates.path == "/package/init_files")
    }
  }

  @Test func `are nowhere else than where the variable says`() throws {
    let environment = ["LIBERO_CONFIG_PATH": "/nowhere/libero", "HOME": "/"]
    let error = #expect(throws: Failure.self) {
      try LiberoSettings.resolve(environment: environment, benchmarkRoot: URL(fileURLWithPath: "/package"))
    }
    #expect(error?.description.hasPrefix("LIBERO_CONFIG_PATH names /nowhere/libero, which does not exist") == true)
  }

  @Test(arguments: [
    "- a\n- b\n", "assets: [\n", "asset: /data/mine\n", "assets: [/data/mine]\n", "bddl_files: {a: b}\n",
  ])
  func `refuse a file that maps nothing, or what is not understood`(_ text: String) throws {
    try withTemporaryFolder { folder in
      let file = folder.appendingPathComponent("config.yaml")
      try text.write(to: file, atomically: true, encoding: .utf8)
      let error = #expect(throws: Failure.self) {
        try LiberoSettings.resolve(environment: ["LIBERO_CONFIG_PATH": folder.path], benchmarkRoot: folder)
      }
      #expect(error?.description.hasPrefix(file.path) == true)
    }
  }
}

struct LiberoAssetsTests {
  private func createAssets(_ folder: URL) throws {
    for part in LiberoAssets.parts {
      try FileManager.default.createDirectory(
        at: folder.appendingPathComponent(part), withIntermediateDirectories: true)
    }
  }

  @Test func `come from the settings, else from the Hugging Face cache`() throws {
    try withTemporaryFolder { folder in
      let cache = folder.appendingPathComponent("hub")
      let snapshot = cache.appendingPathComponent(
        "datasets--lerobot--libero-assets/snapshots/\(String(repeating: "a", count: 40))")
      try createAssets(snapshot)
      let reference = cache.appendingPathComponent("datasets--lerobot--libero-assets/refs/main")
      try FileManager.default.createDirectory(
        at: reference.deletingLastPathComponent(), withIntermediateDirectories: true)
      try snapshot.lastPathComponent.write(to: reference, atomically: true, encoding: .utf8)
      var settings = LiberoSettings(benchmarkRoot: folder.appendingPathComponent("package"))
      let environment = ["HOME": folder.path, "HF_HUB_CACHE": cache.path]
      // LIBERO writes the package's folder into its settings, where hf-libero has none.
      for named in [nil, folder.appendingPathComponent("package/assets")] {
        settings.assets = named
        #expect(try LiberoAssets.resolve(settings, environment: environment).path == snapshot.path)
      }
      settings.assets = folder.appendingPathComponent("mine")
      try createAssets(folder.appendingPathComponent("mine"))
      #expect(try LiberoAssets.resolve(settings, environment: environment).lastPathComponent == "mine")
    }
  }

  @Test func `that the settings name and that are not there are an error, whatever else there is`() throws {
    try withTemporaryFolder { folder in
      var settings = LiberoSettings(benchmarkRoot: folder.appendingPathComponent("package"))
      settings.assets = folder.appendingPathComponent("moved")
      try createAssets(folder.appendingPathComponent("package/assets"))
      let environment = ["LIBERO_CONFIG_PATH": folder.path, "HOME": folder.path, "HF_HUB_OFFLINE": "1"]
      for lack in ["does not exist", "has no folder \(LiberoAssets.parts[2])"] {
        let error = #expect(throws: Failure.self) { try LiberoAssets.resolve(settings, environment: environment) }
        #expect(error?.description.contains("config.yaml names the assets") == true)
        #expect(error?.description.contains(lack) == true, "\(error?.description ?? "")")
        try createAssets(folder.appendingPathComponent("moved"))
        try FileManager.default.removeItem(at: folder.appendingPathComponent("moved/\(LiberoAssets.parts[2])"))
      }
    }
  }

  @Test func `in the home folder are found by a tilde`() throws {
    try withTemporaryFolder { folder in
      try "assets: ~/libero\n".write(
        to: folder.appendingPathComponent("config.yaml"), atomically: true, encoding: .utf8)
      let settings = try LiberoSettings.resolve(
        environment: ["LIBERO_CONFIG_PATH": folder.path], benchmarkRoot: folder)
      #expect(settings.assets?.path.hasPrefix("/") == true && settings.assets?.path.contains("~") == false)
    }
  }

  @Test(.needsPackages, arguments: ["bddl_files", "init_states"])
  func `and task files that are not where the settings say are an error at once`(key: String) throws {
    var settings = try #require(packagedSettings)
    let gone = URL(fileURLWithPath: "/nowhere")
    if key == "bddl_files" { settings.bddlFiles = gone } else { settings.initialStates = gone }
    let error = #expect(throws: Failure.self) {
      try LiberoTasks(suites: [.spatial], identifiers: [0], settings: settings)
    }
    #expect(error?.description.contains("'\(key):'") == true, "\(error?.description ?? "")")
    guard key == "init_states" else { return }
    // Episodes that the seed places need none.
    var options = LiberoTasks.Options()
    options.initialStates = .sampled
    #expect(throws: Never.self) {
      try LiberoTasks(suites: [.spatial], identifiers: [0], settings: settings, options: options)
    }
  }

  @Test func `are fetched where they are nowhere`() throws {
    try withTemporaryFolder { folder in
      let hub = try LoopbackHub()
      defer { hub.stop() }
      let files = LiberoAssets.parts.map { ("\($0)/thing/thing.xml", Data("<mujoco/>".utf8)) }
      hub.add(.dataset, LiberoAssets.repository, files: Dictionary(uniqueKeysWithValues: files))
      let environment = [
        "HOME": folder.path, "HF_HOME": folder.path, "HF_ENDPOINT": hub.endpoint, "HF_HUB_DISABLE_PROGRESS_BARS": "1",
      ]
      let settings = LiberoSettings(benchmarkRoot: folder)
      let assets = try LiberoAssets.resolve(settings, environment: environment)
      #expect(assets.path.contains("datasets--lerobot--libero-assets/snapshots/"))
      hub.stop()
      #expect(try LiberoAssets.resolve(settings, environment: environment) == assets)
    }
  }

  @Test func `that are nowhere are an error with both ways`() throws {
    try withTemporaryFolder { folder in
      let error = #expect(throws: Failure.self) {
        try LiberoAssets.resolve(
          LiberoSettings(benchmarkRoot: folder), environment: ["HOME": folder.path, "HF_HUB_OFFLINE": "1"])
      }
      #expect(error?.description.contains("HF_HUB_OFFLINE") == true)
      #expect(error?.description.contains("\(folder.path)/.libero/config.yaml") == true)
      #expect(error?.description.contains("hf download lerobot/libero-assets") == true)
    }
  }
}

struct LiberoSuiteTests {
  @Test(.needsPackages) func `list their tasks in the benchmark's order`() throws {
    let packagedSettings = try #require(packagedSettings)
    let counts = try LiberoSuite.allCases.map { try $0.tasks(packagedSettings).count }
    #expect(counts == [10, 10, 10, 10, 90])
    let task = try LiberoSuite.spatial.task(0, packagedSettings)
    #expect(task.language == "pick up the black bowl between the plate and the ramekin and place it on the plate")
    for suite in LiberoSuite.allCases {
      for task in try suite.tasks(packagedSettings) {
        #expect(FileManager.default.fileExists(atPath: task.bddlFile.path), "\(task.name)")
        #expect(FileManager.default.fileExists(atPath: task.initialStatesFile.path), "\(task.name)")
      }
    }
  }

  @Test(.needsPackages) func `drop the scene from an instruction`() throws {
    let packagedSettings = try #require(packagedSettings)
    let ninety = try LiberoSuite.ninety.tasks(packagedSettings)
    #expect(ninety.first?.name.hasPrefix("KITCHEN_SCENE10_") == true)
    #expect(ninety.first?.language.hasPrefix("close the") == true)
    #expect(ninety.allSatisfy { !$0.language.contains("SCENE") && $0.language.first?.isLowercase == true })
  }

  @Test func `refuse names they lack`() throws {
    let error = #expect(throws: Failure.self) { try LiberoSuite(named: "libero_spacial") }
    #expect(
      error?.description.hasSuffix("one of libero_spatial, libero_object, libero_goal, libero_10, libero_90") == true)
  }

  @Test(.needsPackages) func `refuse indices they lack`() throws {
    let packagedSettings = try #require(packagedSettings)
    let error = #expect(throws: Failure.self) { try LiberoSuite.goal.task(10, packagedSettings) }
    #expect(error?.description == "libero_goal has tasks 0 to 9, and `env.task_ids` asks for 10")
  }
}
