// swift-tools-version: 6.1
import PackageDescription

/// An example: one file that uses the library products as another package would.
func example(_ name: String, _ products: String...) -> Target {
  .executableTarget(name: name, dependencies: products.map { .product(name: $0, package: "lerobot-wm") })
}

let package = Package(
  name: "Examples",
  dependencies: [.package(name: "lerobot-wm", path: "..")],
  targets: [
    example("PlanActions", "PretrainedPolicies"),
    example("FineTune", "PretrainedPolicies", "LeRobotDatasets", "PolicyTraining"),
    example("RunEpisode", "PolicyEvaluation", "ShapesSimulation"),
  ],
  swiftLanguageModes: [.v6]
)
