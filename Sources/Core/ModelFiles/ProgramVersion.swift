/// This program, as files that it leaves name it.
public enum ProgramVersion {
  /// Raised with every release.
  public static let number = "0.1.0"
  /// `lerobot-wm 0.1.0`
  public static let text = "lerobot-wm \(number)"
}
