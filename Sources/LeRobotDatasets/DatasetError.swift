import ModelFiles

/// Why a data set could not be read or written, as one sentence.
public struct DatasetError: Error, CustomStringConvertible, Sendable, Equatable {
  /// The sentence.
  public let description: String

  /// Makes an error from a whole sentence.
  public init(_ description: String) { self.description = description }
}

/// Runs what throws a lower room's error and rethrows its sentence as this room's.
func translated<Value>(_ body: () throws -> Value) throws(DatasetError) -> Value {
  do { return try body() } catch let error as DatasetError { throw error } catch {
    throw DatasetError(sentence(of: error))
  }
}
