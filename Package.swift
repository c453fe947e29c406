// swift-tools-version: 6.1
import PackageDescription

/// A room of the house: a Swift target with its own tests. Imports point only to rooms named before it.
func room(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies)
}

func tests(of name: String, _ dependencies: [Target.Dependency] = [], resources: [Resource] = []) -> Target {
  .testTarget(
    name: "\(name)Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies, resources: resources)
}

let package = Package(
  name: "lerobot-wm",
  products: [.executable(name: "lerobot-wm", targets: ["lerobot-wm"])],
  dependencies: [
    .package(url: "https://github.com/apple/swift-collections", from: "1.1.0"),
    .package(url: "https://github.com/apple/swift-crypto", "3.0.0"..<"5.0.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // C faces of the engines: tables of function pointers, filled by dlopen.
    .target(name: "CEngineLoader"),
    .target(name: "CTorch", dependencies: ["CEngineLoader"]),
    .target(name: "CArrow", dependencies: ["CEngineLoader"]),
    .target(name: "CMedia", dependencies: ["CEngineLoader"]),
    .target(name: "CMuJoCo", dependencies: ["CEngineLoader"]),
    .target(name: "COffscreenGL"),
    .target(name: "CCurl"),

    // Values that every room may use: pictures, and random numbers by address.
    room("Images", []),
    room("CountedRandom", []),

    // Engines as Swift.
    room("Engines", ["CEngineLoader"]),
    room("Torch", ["CTorch", "Engines", "CountedRandom"]),
    room("MuJoCo", ["CMuJoCo", "COffscreenGL", "Engines"]),
    room("Arrow", ["CArrow", "Engines"]),
    room("Media", ["CMedia", "Engines", "Images"]),

    // Terminal, files and settings.
    room("Terminal", []),
    room(
      "ModelFiles",
      [
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "HeapModule", package: "swift-collections"),
        .product(name: "Crypto", package: "swift-crypto"),
      ]),
    room("Configuration", ["ModelFiles", .product(name: "OrderedCollections", package: "swift-collections")]),

    // What the Hugging Face hub has, on this disk.
    room(
      "HuggingFaceHub",
      ["CCurl", "ModelFiles", "Terminal", .product(name: "Crypto", package: "swift-crypto")]),

    // dataset → batch → policy → loss → checkpoint
    room("LeRobotDatasets", ["HuggingFaceHub", "ModelFiles", "Arrow", "Images", "Media", "CountedRandom"]),
    room("NeuralNetworks", ["Torch", "ModelFiles", "CountedRandom"]),
    room("Policies", ["NeuralNetworks", "Configuration"]),
    room("SmolVLA", ["Policies"]),
    room("WorldModality", ["HuggingFaceHub", "SmolVLA", "LeRobotDatasets"]),
    room("RunLogs", ["ModelFiles"]),
    room("Training", ["Policies", "RunLogs", "Terminal"]),

    // scene → observation → policy → action → scene
    room("Environments", ["Images"]),
    room("Shapes", ["Environments", "MuJoCo", "CountedRandom"]),
    room(
      "Libero",
      [
        "Environments", "MuJoCo", "HuggingFaceHub", "ModelFiles", "CountedRandom",
        .product(name: "OrderedCollections", package: "swift-collections"),
        .product(name: "Yams", package: "Yams"),
      ]),
    room("Evaluation", ["Policies", "Environments", "Media"]),

    // Both ways, walked together.
    room("Experiments", ["ModelFiles", "Media", "Evaluation", "Terminal"]),
    room(
      "Commands",
      ["Experiments", "Training", "Evaluation", "WorldModality", "Shapes", "Libero", "MuJoCo", "HuggingFaceHub"]),
    .executableTarget(name: "lerobot-wm", dependencies: ["Commands"]),

    // What `make bench` times.
    .executableTarget(
      name: "Benchmarks", dependencies: ["SmolVLA", "LeRobotDatasets", "Shapes"], path: "Benchmarks",
      exclude: ["Libero", "cold_start.sh"]),
    // What `make bench-env` and `make parity` ask of LIBERO's scenes and environments.
    .executableTarget(
      name: "LiberoMeasurements",
      dependencies: ["Evaluation", "Libero", "ModelFiles", .product(name: "Crypto", package: "swift-crypto")],
      path: "Benchmarks/Libero"),

    .target(
      name: "TestSupport",
      dependencies: ["Engines", "Environments", "ModelFiles", .product(name: "Crypto", package: "swift-crypto")],
      path: "Tests/TestSupport"),
    tests(of: "CountedRandom"),
    tests(of: "Images"),
    tests(of: "Terminal"),
    tests(of: "ModelFiles", resources: [.copy("Goldens")]),
    tests(of: "HuggingFaceHub", ["ModelFiles", .product(name: "Crypto", package: "swift-crypto")]),
    tests(of: "Configuration"),
    tests(of: "Torch"),
    tests(of: "NeuralNetworks", ["ModelFiles"], resources: [.copy("Goldens")]),
    tests(of: "Arrow"),
    tests(of: "Media", resources: [.copy("Goldens")]),
    tests(of: "LeRobotDatasets", resources: [.copy("Goldens")]),
    tests(of: "MuJoCo"),
    tests(of: "Shapes"),
    tests(
      of: "Libero", ["Evaluation", "ModelFiles", "MuJoCo", .product(name: "Crypto", package: "swift-crypto")],
      resources: [.copy("Goldens")]),
    tests(of: "Policies", resources: [.copy("Goldens")]),
    tests(of: "SmolVLA", ["ModelFiles"], resources: [.copy("Goldens")]),
    tests(
      of: "WorldModality", ["ModelFiles"],
      resources: [.copy("Goldens"), .copy("PolicyGoldens"), .copy("CheckpointGoldens")]),
    tests(of: "RunLogs", ["ModelFiles"]),
    tests(of: "Training"),
    tests(of: "Evaluation", ["Shapes"]),
    tests(of: "Experiments", resources: [.copy("Goldens")]),
    tests(of: "Commands", resources: [.copy("Goldens")]),
  ],
  swiftLanguageModes: [.v6]
)
