/// Observes transfers to and from the hub.
public enum HubProgress {
  /// Called when a transfer starts, with a label and its size in bytes. What it returns is called with the bytes so far,
  /// from any thread, and with nil at the end.
  public typealias Observer = @Sendable (_ label: String, _ total: Int) -> @Sendable (_ bytes: Int?) -> Void

  /// The observer of the transfers that the current task starts; nil for none.
  @TaskLocal public static var observer: Observer?
}
