/// Observes transfers to and from the hub.
public enum HubProgress {
  // A structure, because Swift 6.3's optimizer miscompiles task-local values that are functions themselves.
  public struct Observer: Sendable {
    /// Called when a transfer starts, with a label and its size in bytes. What it returns is called with the bytes so
    /// far, from any thread, and with nil at the end.
    public let start: @Sendable (_ label: String, _ total: Int) -> @Sendable (_ bytes: Int?) -> Void

    public init(start: @escaping @Sendable (_ label: String, _ total: Int) -> @Sendable (_ bytes: Int?) -> Void) {
      self.start = start
    }
  }

  /// The observer of the transfers that the current task starts; nil for none.
  @TaskLocal public static var observer: Observer?
}
