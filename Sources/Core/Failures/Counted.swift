/// A number and what it counts: `1 problem`, `2 problems`; for nouns whose plural ends in s.
public func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }
