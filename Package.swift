// swift-tools-version: 6.1
import PackageDescription

// MARK: The shape of a module

/// A Swift module in `Sources/GROUP/NAME`. It may import only modules declared before it.
func module(_ name: String, in group: String, _ dependencies: [Target.Dependency] = []) -> Target {
  .target(name: name, dependencies: dependencies, path: "Sources/\(group)/\(name)")
}

/// The tests of a module, in `Tests/GROUP/NAMETests`; `Goldens` folders hold numbers of the official packages.
func tests(
  of name: String, in group: String, _ dependencies: [Target.Dependency] = [], resources: [String] = []
) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies,
    path: "Tests/\(group)/\(name)Tests", resources: resources.map { .copy($0) })
}

let collections = Target.Dependency.product(name: "OrderedCollections", package: "swift-collections")
let heap = Target.Dependency.product(name: "HeapModule", package: "swift-collections")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")

/// The commit that is built, which results record; WM_COMMIT names it where there is no repository.
let commit =
  Context.environment["WM_COMMIT"]
  ?? Context.gitInformation.map { $0.currentCommit + ($0.hasUncommittedChanges ? "+" : "") } ?? "unknown"

let package = Package(
  name: "lerobot-wm",
  products: [
    .executable(name: "lerobot-wm", targets: ["lerobot-wm"]),
    .library(
      name: "PretrainedPolicies",
      targets: [
        "PretrainedPolicies", "RobotPolicies", "SmolVLA", "NeuralNetworks", "LibTorch", "RGBImages",
        "CounterBasedRandom",
      ]),
    .library(name: "WorldModality", targets: ["WorldModality", "WorldEncoders", "WorldLatents"]),
    .library(name: "LeRobotDatasets", targets: ["LeRobotDatasets", "RGBImages"]),
    .library(name: "LiberoSimulation", targets: ["LiberoSimulation", "RobotEnvironments"]),
    .library(name: "ShapesSimulation", targets: ["ShapesSimulation", "RobotEnvironments"]),
    .library(name: "PolicyTraining", targets: ["PolicyTraining", "TrainingBatches", "Tracing"]),
    .library(
      name: "PolicyEvaluation",
      targets: ["PolicyEvaluation", "RobotPolicies", "RobotEnvironments", "ExperimentStatistics", "Tracing"]),
    // liblerobot_wm.so, the core in a Python process.
    .library(name: "lerobot_wm", type: .dynamic, targets: ["PythonCore"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.4.0"),
  ],
  targets: [
    // MARK: Core: values, files and settings; no engine.
    module("Failures", in: "Core"),
    module("RGBImages", in: "Core", ["Failures"]),
    module("CounterBasedRandom", in: "Core"),
    module("ModelFiles", in: "Core", ["Failures", collections, heap, crypto]),
    module("LayeredSettings", in: "Core", ["ModelFiles", collections]),
    module("Tracing", in: "Core", ["ModelFiles"]),
    module("WorkerThreads", in: "Core", ["Failures", "Tracing"]),

    // MARK: Engines: libraries behind C headers, opened with dlopen, as Swift values.
    module("CEngineLoading", in: "Engines/Loading"),
    module("EngineLoading", in: "Engines/Loading", ["CEngineLoading", "Failures"]),
    module("CTorch", in: "Engines/Torch", ["CEngineLoading"]),
    module("LibTorch", in: "Engines/Torch", ["CTorch", "EngineLoading", "CounterBasedRandom", "Tracing"]),
    module("CArrow", in: "Engines/Parquet", ["CEngineLoading"]),
    module("ParquetFiles", in: "Engines/Parquet", ["CArrow", "EngineLoading"]),
    module("CMedia", in: "Engines/Media", ["CEngineLoading"]),
    module("MediaCoding", in: "Engines/Media", ["CMedia", "EngineLoading", "RGBImages", "WorkerThreads"]),
    module("CMuJoCo", in: "Engines/MuJoCo", ["CEngineLoading"]),
    module("COffscreenGL", in: "Engines/MuJoCo", ["CEngineLoading"]),
    module("MuJoCoPhysics", in: "Engines/MuJoCo", ["CMuJoCo", "COffscreenGL", "EngineLoading", "RGBImages"]),
    module("CCurl", in: "Engines/Curl", ["CEngineLoading"]),

    // MARK: Data: what is on the hub and in datasets.
    module("HuggingFaceHub", in: "Data", ["CCurl", "Failures", "ModelFiles", "WorkerThreads", crypto]),
    module(
      "LeRobotDatasets", in: "Data",
      [
        "HuggingFaceHub", "ModelFiles", "ParquetFiles", "RGBImages", "MediaCoding", "CounterBasedRandom",
        "WorkerThreads",
      ]),

    // MARK: Policies: batch → loss, observation → action chunk.
    module("NeuralNetworks", in: "Policies", ["LibTorch", "LayeredSettings", "CounterBasedRandom"]),
    module("RobotPolicies", in: "Policies", ["NeuralNetworks", "LayeredSettings", "RGBImages", "Tracing"]),
    module("SmolVLA", in: "Policies", ["RobotPolicies"]),
    module("WorldEncoders", in: "Policies", ["RobotPolicies", "Tracing"]),
    module("WorldLatents", in: "Policies", ["WorldEncoders", "LeRobotDatasets", "WorkerThreads", "Tracing"]),
    module("WorldModality", in: "Policies", ["SmolVLA", "WorldEncoders", "WorldLatents"]),
    module("PretrainedPolicies", in: "Policies", ["HuggingFaceHub", "WorldModality"]),

    // MARK: Simulation: action → physics → observation.
    module("RobotEnvironments", in: "Simulation", ["RGBImages"]),
    module("ShapesSimulation", in: "Simulation", ["RobotEnvironments", "MuJoCoPhysics", "CounterBasedRandom"]),
    module(
      "LiberoSimulation", in: "Simulation",
      [
        "RobotEnvironments", "MuJoCoPhysics", "HuggingFaceHub", "ModelFiles", "CounterBasedRandom", "WorkerThreads",
        collections, .product(name: "Yams", package: "Yams"),
      ]),

    // MARK: Runs: training, evaluation, and experiments of both.
    module("RunLogs", in: "Runs", ["ModelFiles"]),
    module("PolicyTraining", in: "Runs", ["RobotPolicies", "RunLogs", "Tracing", "WorkerThreads"]),
    module(
      "TrainingBatches", in: "Runs",
      [
        "PolicyTraining", "PretrainedPolicies", "LeRobotDatasets", "WorldLatents", "WorldModality", "HuggingFaceHub",
        "Tracing",
      ]),
    module("ExperimentStatistics", in: "Runs", ["Failures", "CounterBasedRandom"]),
    module(
      "PolicyEvaluation", in: "Runs",
      ["RobotPolicies", "RobotEnvironments", "MediaCoding", "ExperimentStatistics", "Tracing", "WorkerThreads"]),
    module("Experiments", in: "Runs", ["ModelFiles", "MediaCoding", "PolicyEvaluation", "ExperimentStatistics"]),

    // MARK: Python: the core as a shared library; shim/ holds what makes torch's operators of it.
    module("CPythonCore", in: "Python", ["CTorch"]),
    module(
      "PythonCore", in: "Python",
      ["CPythonCore", "PretrainedPolicies", "LeRobotDatasets", "TrainingBatches", "LiberoSimulation"]),

    // MARK: Program: the command line.
    .target(
      name: "CProgramVersion", path: "Sources/Program/CProgramVersion",
      cSettings: [.define("WM_COMMIT", to: "\"\(commit)\"")]),
    .target(name: "CFileFaults", path: "Sources/Program/CFileFaults"),
    module("TerminalOutput", in: "Program", ["ModelFiles"]),
    module("PageServer", in: "Program", ["Failures", "WorkerThreads"]),
    module(
      "Commands", in: "Program",
      [
        "Experiments", "PolicyTraining", "TrainingBatches", "PolicyEvaluation", "PretrainedPolicies",
        "ShapesSimulation", "Tracing", "WorkerThreads",
        "LiberoSimulation", "TerminalOutput", "PageServer", "CProgramVersion", "CFileFaults",
        .product(name: "Yams", package: "Yams"),
      ]),
    .executableTarget(name: "lerobot-wm", dependencies: ["Commands"], path: "Sources/Program/lerobot-wm"),

    // MARK: Benchmarks
    .executableTarget(
      name: "Benchmarks",
      dependencies: ["WorldModality", "PolicyTraining", "LeRobotDatasets", "ParquetFiles", "ShapesSimulation"],
      path: "Benchmarks",
      exclude: [
        "Libero", "Statistics", "cold_start.sh", "comparison.sh", "loader.sh", "loader_peer.py", "policy.sh",
        "policy_peer.py",
        "gpu.sh", "gpu_package.sh", "gpu_compare.py", "gpu_peer.py", "python_environments.py",
        "python_environments.sh",
      ]),
    // What `make bench-env` and `make parity` measure of LIBERO's scenes and environments.
    .executableTarget(
      name: "LiberoMeasurements",
      dependencies: ["PolicyEvaluation", "RobotPolicies", "LiberoSimulation", "ModelFiles", crypto],
      path: "Benchmarks/Libero"),
    // What `make statistics` simulates: experiments whose truth is known.
    .executableTarget(
      name: "StatisticsSimulation", dependencies: ["ExperimentStatistics", "CounterBasedRandom"],
      path: "Benchmarks/Statistics"),

    // MARK: Tests
    .target(
      name: "TestSupport", dependencies: ["EngineLoading", "RobotEnvironments", "ModelFiles", crypto],
      path: "Tests/TestSupport"),
    tests(of: "Tracing", in: "Core", ["ModelFiles", "WorkerThreads"]),
    tests(of: "WorkerThreads", in: "Core"),
    tests(of: "CounterBasedRandom", in: "Core"),
    tests(of: "RGBImages", in: "Core"),
    tests(of: "ModelFiles", in: "Core", resources: ["Goldens"]),
    tests(of: "LayeredSettings", in: "Core"),
    tests(of: "LibTorch", in: "Engines", ["Tracing"]),
    tests(of: "ParquetFiles", in: "Engines", resources: ["Goldens"]),
    tests(of: "MediaCoding", in: "Engines", resources: ["Goldens"]),
    tests(of: "MuJoCoPhysics", in: "Engines"),
    tests(of: "HuggingFaceHub", in: "Data", ["ModelFiles", crypto]),
    tests(of: "LeRobotDatasets", in: "Data", resources: ["Goldens"]),
    tests(of: "NeuralNetworks", in: "Policies", ["ModelFiles"], resources: ["Goldens"]),
    tests(of: "RobotPolicies", in: "Policies", resources: ["Goldens"]),
    tests(of: "SmolVLA", in: "Policies", ["ModelFiles"], resources: ["Goldens", "CurrentGoldens"]),
    tests(
      of: "WorldModality", in: "Policies", ["ModelFiles", "PretrainedPolicies"],
      resources: ["Goldens", "PolicyGoldens", "CheckpointGoldens", "AdapterGoldens"]),
    tests(of: "ShapesSimulation", in: "Simulation"),
    tests(
      of: "LiberoSimulation", in: "Simulation",
      ["PolicyEvaluation", "PretrainedPolicies", "RobotPolicies", "ModelFiles", "MuJoCoPhysics", crypto],
      resources: ["Goldens"]),
    tests(of: "RunLogs", in: "Runs", ["ModelFiles"]),
    tests(of: "PolicyTraining", in: "Runs"),
    tests(of: "PolicyEvaluation", in: "Runs", ["ShapesSimulation"]),
    tests(
      of: "ExperimentStatistics", in: "Runs", ["StatisticsSimulation", "CounterBasedRandom", "Failures"],
      resources: ["Goldens"]),
    tests(of: "Experiments", in: "Runs"),
    tests(
      of: "PythonCore", in: "Python", ["CPythonCore", "LibTorch", "ModelFiles", "NeuralNetworks", collections]),
    tests(of: "TerminalOutput", in: "Program"),
    tests(of: "PageServer", in: "Program", ["Failures"]),
    tests(of: "Commands", in: "Program", resources: ["Goldens"]),
  ],
  swiftLanguageModes: [.v6]
)
