import Configuration
import Foundation
import ModelFiles
import OrderedCollections

extension Configured {
  /// Takes `rename_map` from `$LEROBOT_WM_RENAME_MAP_JSON` where that is set: over files, under the flag.
  mutating func applyRenameMap(
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws(ConfigurationError) {
    let name = "LEROBOT_WM_RENAME_MAP_JSON"
    guard let text = environment[name], !text.isEmpty else { return }
    guard let map = try? JSON(parsing: text), map.object != nil else {
      throw ConfigurationError(
        "",
        "expected a JSON object such as {\"observation.images.front\": \"observation.images.image\"}, found \(text)",
        in: .file(name))
    }
    try apply(["rename_map": map], from: name)
  }
}

extension OrderedDictionary<String, String> {
  /// The dataset's own name of a feature that is given by that name or by the policy's.
  func datasetName(of name: String, among names: [String]) -> String {
    names.contains(name) ? name : names.first { self[$0] == name } ?? name
  }
}
