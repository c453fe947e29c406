import Foundation

/// Formats seconds: `45 s`, `12:30 min`, `2:10 h`, `3.5 days`; `?` for what is no duration, or none below 300 years.
public func formattedDuration(_ seconds: Double) -> String {
  guard seconds.isFinite, (0..<1e10).contains(seconds) else { return "?" }
  let whole = Int(seconds.rounded())
  if whole < 60 { return "\(whole) s" }
  if whole < 3600 { return String(format: "%d:%02d min", whole / 60, whole % 60) }
  if whole < 172_800 { return String(format: "%d:%02d h", whole / 3600, whole % 3600 / 60) }
  return String(format: "%.1f days", seconds / 86_400)
}
