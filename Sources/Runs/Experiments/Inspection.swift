import ModelFiles
import OrderedCollections

/// What was found about a dataset, a checkpoint or a cache before anything uses it: for a terminal, for programs, and as a
/// page (``page``).
public struct Inspection: Sendable {
  /// Texts in rows under a head, all of as many cells.
  public struct Table: Sendable {
    public let title: String
    public let head: [String]
    public var rows: [[String]]
    /// How to read the cells, for people; empty if they need no words.
    public var note = ""

    public init(_ title: String, _ head: [String], _ rows: [[String]] = [], note: String = "") {
      (self.title, self.head, self.rows, self.note) = (title, head, rows, note)
    }

    /// The title with the note.
    var heading: String { note.isEmpty ? title : "\(title) (\(note))" }
  }

  /// Curves over one count, such as an episode's frames.
  public struct Plot: Sendable {
    public let title: String
    /// What the vertical and the horizontal axis measure.
    public let measure: String, horizontalName: String
    public let curves: [(name: String, values: [Float])]

    /// - Parameter curves: a value for each step from 0; those that are not finite leave a gap.
    public init(
      _ title: String, measure: String, over horizontalName: String, _ curves: [(name: String, values: [Float])]
    ) {
      (self.title, self.measure, self.horizontalName, self.curves) = (title, measure, horizontalName, curves)
    }
  }

  /// One part of what is inspected, with images and plots: an episode.
  public struct Part: Sendable {
    public let title: String
    /// What is wrong with it.
    public let remarks: [String]
    /// JPEG files by what they are of, in order.
    public var strips: [(name: String, images: [[UInt8]])] = []
    public var plots: [Plot] = []

    public init(_ title: String, remarks: [String]) { (self.title, self.remarks) = (title, remarks) }
  }

  /// What it is, such as `dataset`, and its name or place.
  public let kind: String, name: String
  public var facts: OrderedDictionary<String, String> = [:]
  public var tables: [Table] = []
  public var parts: [Part] = []
  /// What the page calls the parts, and what they are of all that there is.
  public var partsTitle = "Frames, state and action"
  public var partsNote = ""
  /// What programs want besides facts and tables, by name.
  public var details: OrderedDictionary<String, JSON> = [:]
  public var checks = Checks()

  public init(_ kind: String, _ name: String) { (self.kind, self.name) = (kind, name) }

  /// The most rows of a table that a terminal shows.
  private static let mostRows = 20

  /// Facts and tables as lines for a terminal.
  public var text: String {
    let width = facts.keys.map(\.count).max() ?? 0
    var lines = ["\(kind) \(name)"]
    lines += facts.map { "  \($0.key.padded(to: width))  \($0.value)" }
    for table in tables where !table.rows.isEmpty {
      let shown = table.rows.prefix(Self.mostRows).map { $0.map { String($0.prefix(60)) } }
      lines += ["", table.heading] + TextTable([table.head] + shown, holdsTexts: true).lines
      if table.rows.count > shown.count { lines.append("… and \(table.rows.count - shown.count) more") }
    }
    return lines.map(\.withoutEnd).joined(separator: "\n")
  }

  /// Everything but images and plots.
  ///
  /// - Parameter wording: what is done to the sentences of checks.
  public func json(wording: (String) -> String = { $0 }) -> JSON {
    var members: OrderedDictionary<String, JSON> = [
      "kind": .string(kind), "name": .string(name), "facts": .object(facts.mapValues(JSON.string)),
    ]
    for table in tables {
      members[table.title] = .array(
        table.rows.map { row in .object(OrderedDictionary(zip(table.head, row.map(JSON.string))) { $1 }) })
    }
    members.merge(details) { $1 }
    members["checks"] = .array(checks.all.map { Check($0.name, $0.outcome, wording($0.text)).json })
    members["problems"] = .integer(checks.all.count { $0.outcome == .problem })
    members["warnings"] = .integer(checks.warnings.count)
    return .object(members)
  }
}

extension String {
  fileprivate func padded(to width: Int) -> String { self + String(repeating: " ", count: max(0, width - count)) }

  fileprivate var withoutEnd: String { String(reversed().drop { $0 == " " }.reversed()) }
}
