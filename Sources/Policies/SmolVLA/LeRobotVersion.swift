import LayeredSettings

/// The version of LeRobot that a policy follows where versions compute different numbers from the same settings.
///
/// They differ in the places of patches (``PatchPositions``) and in what `train_expert_only=false` trains: version 0.6
/// freezes the language model's last layer and norm.
public enum LeRobotVersion: String, Sendable, CaseIterable, ConfigurationValue {
  /// LeRobot 0.6 with transformers 5.
  case current = "0.6"
  /// LeRobot 0.4.4 with transformers 4.
  case former = "0.4"
}
