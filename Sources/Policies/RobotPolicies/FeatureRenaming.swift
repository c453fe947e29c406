import Failures
import OrderedCollections

extension OrderedDictionary<String, String> {
  /// Refuses a map of names (`rename_map`) that names a feature that is not there, or gives two features one name, of
  /// which one would vanish.
  ///
  /// - Parameters:
  ///   - names: the features that are renamed.
  ///   - place: whose they are, such as `the environment`.
  ///   - known: the names that the policy reads; nil where it takes any.
  public func checkRenaming(
    of names: some Collection<String>, in place: String, to known: (some Collection<String>)? = [String]?.none
  ) throws {
    let unknown = keys.filter { !names.contains($0) }
    guard unknown.isEmpty else {
      throw Failure(
        "`rename_map` renames \(unknown.joined(separator: ", ")), which \(place) does not have; it has "
          + "\(names.joined(separator: ", "))")
    }
    if let known, let stray = values.first(where: { !known.contains($0) }) {
      throw Failure(
        "`rename_map` gives the name \(stray), which the policy does not read; it reads "
          + "\(known.joined(separator: ", "))")
    }
    let sources = OrderedDictionary<String, [String]>(grouping: names) { self[$0] ?? $0 }
    guard let (target, collided) = sources.first(where: { $0.value.count > 1 }) else { return }
    throw Failure(
      "with `rename_map`, \(collided.joined(separator: " and ")) of \(place) would both be called \(target); give each "
        + "a name of its own")
  }
}
