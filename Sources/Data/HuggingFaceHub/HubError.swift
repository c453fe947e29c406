import Failures
import ModelFiles

/// Why something could not be brought from the Hugging Face hub or taken there, as one sentence.
public struct HubError: Error, CustomStringConvertible, Sendable, Equatable {
  /// What kind of trouble it is.
  public enum Kind: Sendable, Equatable {
    /// There is no such repository, revision or file.
    case missing
    /// The hub wants a token, another one, or its terms accepted.
    case refused
    /// Nobody answers, or too slowly, or the hub is broken or busy; another try may help. The hub may say after how many
    /// seconds.
    case unreachable(retryAfter: Double?)
    /// Nobody is there at all: no such host, no network, no connection.
    case absent
    /// What was to be made is there already.
    case exists
    /// What came is not what was announced.
    case damaged
    /// Anything else: a wrong name, a full disk, a setting.
    case other
  }

  public let description: String
  public let kind: Kind

  public init(_ description: String, _ kind: Kind = .other) {
    self.description = description
    self.kind = kind
  }
}

extension HubError {
  /// The same trouble with what a name stands for on the hub, after the sentence that says why it is no path, if it may be one.
  public func after(_ noPath: String, where mayBePath: Bool) -> HubError {
    mayBePath ? HubError("\(noPath), and as a repository's name: \(self)", kind) : self
  }
}

/// Rethrows errors of lower modules as `HubError`.
func translated<Value>(_ body: () throws -> Value) throws(HubError) -> Value {
  do { return try body() } catch let error as HubError { throw error } catch { throw HubError(message(of: error)) }
}
