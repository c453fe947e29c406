import Foundation

/// Formats a size in powers of 1000: `512 B`, `1.5 MB`.
public func formattedSize(_ bytes: Int) -> String {
  guard bytes >= 1000 else { return "\(bytes) B" }
  var size = Double(bytes)
  var units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"][...]
  while size >= 999.5, units.count > 1 {
    size /= 1000
    units.removeFirst()
  }
  return String(format: size < 9.95 ? "%.1f %@" : "%.0f %@", size, units.first ?? "B")
}
