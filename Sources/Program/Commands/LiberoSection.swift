import Foundation
import LayeredSettings
import LiberoSimulation
import ModelFiles
import OrderedCollections
import RobotEnvironments
import RobotPolicies

/// `--env.…` of LIBERO, under LeRobot's names.
struct LiberoSection: ConfigurationSection, Equatable {
  @Setting("task", help: "suites, separated by commas: libero_spatial, libero_object, libero_goal, libero_10 …")
  var task = "libero_10"
  @Setting("task_ids", in: 0...1000, help: "which of each suite's tasks, such as [0,3]; null for all") var identifiers:
    [Int]?
  @Setting("fps", in: 1...100, help: "control steps in a second; the benchmark's are 20") var framesPerSecond = 20
  @Setting("control_mode", help: "relative: actions are pose deltas; absolute: target poses") var controlMode =
    ControlMode.relative
  @Setting(
    "observation_height", in: 16...1024,
    help: "rows of each camera's image; null for those that the policy was trained on, else 256 (LeRobot 0.6 has 360)")
  var height: Int?
  @Setting("observation_width", in: 16...1024, help: "pixels in a row of each camera's image; as the rows") var width:
    Int?
  @Setting("episode_length", in: 1...1_000_000, help: "control steps of an episode; null for each suite's own")
  var maximumSteps: Int?
  @Setting("init_states", help: "start from the official states; false as --eval.init_states=sampled")
  var startsOfficially = true
  @Setting("camera_name", help: "the simulator's cameras: of the scene and of the hand, in this order")
  var cameraNames = "agentview_image,robot0_eye_in_hand_image"
  @Setting("camera_name_mapping", help: "what a policy calls them; null for image and image2")
  var cameraNameMapping: OrderedDictionary<String, String>?
  @Setting("obs_type", help: "images and state: pixels_agent_pos") var observationType = Self.imagesAndState
  @Setting("hard_reset", owner: .program, help: "true: no episode depends on the one before it") var resetsAll = true

  static let title = "LiberoEnv"
  private static let imagesAndState = "pixels_agent_pos"
  private static let ownCameras = ["agentview_image", "robot0_eye_in_hand_image"]

  func validate() throws(ConfigurationError) {
    guard 500 % framesPerSecond == 0 else {
      throw ConfigurationError(
        "fps",
        "expected a divisor of the physics' 500 steps in a second, such as 20, 10 or 50, found \(framesPerSecond) (LeRobot "
          + "0.4 has 30 and steps at 20)")
    }
    let listed = listedNames(cameraNames)
    guard listed == Self.ownCameras else {
      throw ConfigurationError(
        "camera_name", "expected \(Self.ownCameras.joined(separator: ",")), found \(cameraNames)")
    }
    if let unknown = cameraNameMapping?.keys.first(where: { !Self.ownCameras.contains($0) }) {
      throw ConfigurationError(
        "camera_name_mapping", "expected names for \(Self.ownCameras.joined(separator: " and ")), found \(unknown)")
    }
    guard Set(cameras).count == cameras.count, !cameras.contains(where: { $0.isEmpty || $0.contains("/") }) else {
      throw ConfigurationError("camera_name_mapping", "expected two different names, found \(cameras)")
    }
    guard observationType == Self.imagesAndState else {
      throw ConfigurationError(
        "obs_type", "expected \(Self.imagesAndState), since the policies read the state; found \(observationType)")
    }
    guard resetsAll else {
      throw ConfigurationError(
        "hard_reset", "false saves the building of models, which is done once for a task here; leave it at true")
    }
  }

  /// What the two cameras are called.
  private var cameras: [String] {
    zip(Self.ownCameras, ["image", "image2"]).map { cameraNameMapping?[$0] ?? $1 }
  }

  func suite(_ initialStates: InitialStateSource = .official) throws -> LiberoTasks {
    var options = LiberoTasks.Options()
    options.initialStates = startsOfficially ? initialStates : .sampled
    options.mode = controlMode
    (options.width, options.height) = (width ?? options.width, height ?? options.height)
    (options.maximumSteps, options.cameras, options.framesPerSecond) = (maximumSteps, cameras, framesPerSecond)
    let names = listedNames(task)
    let settings = try LiberoSettings.resolve()
    let tasks = try LiberoTasks(
      suites: names.map(LiberoSuite.init(named:)), identifiers: identifiers, settings: settings, options: options)
    // Said at once, and not after a policy has been loaded.
    _ = try LiberoAssets.resolve(settings)
    return tasks
  }

  /// The same with images of the size that a policy was trained on, where the settings leave it open, and a line that
  /// says so.
  ///
  /// - Parameter renaming: what the policy calls the environment's features.
  func showing(
    _ inputs: PolicyFeatures, renaming: OrderedDictionary<String, String>
  ) -> (section: LiberoSection, notice: String?) {
    guard height == nil || width == nil else { return (self, nil) }
    let sizes = Set(
      cameras.compactMap { camera -> [Int]? in
        let name = BatchKey.images + camera
        return inputs[renaming[name] ?? name]?.shape.suffix(2).map(\.self)
      })
    var section = self
    let known = sizes.count == 1 ? sizes.first.flatMap { $0.allSatisfy((16...1024).contains) ? $0 : nil } : nil
    let size = known ?? [LiberoEnvironment.imageSize, LiberoEnvironment.imageSize]
    (section.height, section.width) = (height ?? size[0], width ?? size[1])
    let reason = known == nil ? "LeRobot 0.4's, because the policy has no one size" : "as the policy was trained on"
    return (
      section,
      "LIBERO's images are \(section.height ?? 0) × \(section.width ?? 0), \(reason); `env.observation_height` and "
        + "`env.observation_width` say otherwise"
    )
  }

  /// The settings as records hold them: those that there were not always are left out where they change nothing.
  var recorded: JSON {
    let usual = LiberoSection().json
    let later = ["fps", "init_states", "camera_name", "camera_name_mapping", "obs_type", "hard_reset"]
    return json.without(later.filter { json[$0] == usual[$0] })
  }
}

extension ControlMode: ConfigurationValue {}
