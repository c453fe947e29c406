/// Observes transfers to and from the hub, and waiting for it.
public enum HubProgress {
  // A structure, because Swift 6.3's optimizer miscompiles task-local values that are functions themselves.
  public struct Observer: Sendable {
    /// Called when a transfer starts, with a label and its size in bytes. What it returns is called with the bytes so
    /// far, from any thread, and with nil at the end.
    public let start: @Sendable (_ label: String, _ total: Int) -> @Sendable (_ bytes: Int?) -> Void

    /// Called with a sentence before a pause of a second or more, after which a request is made again; from any thread.
    public let wait: @Sendable (_ sentence: String) -> Void

    public init(
      start: @escaping @Sendable (_ label: String, _ total: Int) -> @Sendable (_ bytes: Int?) -> Void,
      wait: @escaping @Sendable (_ sentence: String) -> Void
    ) {
      (self.start, self.wait) = (start, wait)
    }
  }

  /// The observer of the transfers that the current task starts; nil for none.
  @TaskLocal public static var observer: Observer?
}
