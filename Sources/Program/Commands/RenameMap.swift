import Foundation
import LayeredSettings
import ModelFiles
import OrderedCollections

private let variable = "LEROBOT_WM_RENAME_MAP_JSON"

/// What `--help` says of `rename_map`: whose names become the policy's.
func renameMapHelp(_ owner: String, more: String = "") -> String {
  "\(owner) feature names to the policy's, as JSON; else $\(variable)\(more)"
}

extension Configured {
  /// Takes `rename_map` from `$LEROBOT_WM_RENAME_MAP_JSON` where that is set: over files, under the flag.
  mutating func applyRenameMap(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(ConfigurationError) {
    guard let text = environment[variable], !text.isEmpty else { return }
    guard let map = try? JSON(parsing: text), map.object != nil else {
      throw ConfigurationError(
        "",
        "expected a JSON object such as {\"observation.images.front\": \"observation.images.image\"}, found \(text)",
        in: .file(variable))
    }
    try apply(["rename_map": map], from: variable)
  }
}

extension OrderedDictionary<String, String> {
  /// The dataset's own name of a feature that is given by that name or by the policy's.
  func datasetName(of name: String, among names: [String]) -> String {
    names.contains(name) ? name : names.first { self[$0] == name } ?? name
  }
}
