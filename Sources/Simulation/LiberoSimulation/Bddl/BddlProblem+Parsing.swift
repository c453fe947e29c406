import OrderedCollections

extension BddlProblem {
  init(_ expression: BddlExpression) throws {
    let groups = try expression.list("(define …)")
    guard let head = groups.first, try head.word("'define'") == "define" else {
      throw BddlSyntaxError(expression.position, "expected (define (problem …) …)")
    }
    var seen: Set<String> = []
    for group in groups.dropFirst() {
      let items = try group.list("a group such as (:objects …)")
      guard let title = items.first else { throw BddlSyntaxError(group.position, "expected a group, found ()") }
      let kind = try title.word("a group's name")
      guard seen.insert(kind).inserted else { throw BddlSyntaxError(title.position, "a second group '\(kind)'") }
      try read(kind, at: title.position, Array(items.dropFirst()))
    }
    for kind in ["problem", ":init", ":goal"] where !seen.contains(kind) {
      throw BddlSyntaxError(expression.position, "expected a group (\(kind) …), found none")
    }
    try checkNames(groups)
  }

  private mutating func read(_ kind: String, at position: BddlPosition, _ items: [BddlExpression]) throws {
    switch kind {
    case "problem":
      guard let name = items.last else { throw BddlSyntaxError(position, "expected the problem's name") }
      self.name = try name.word("the problem's name")
    case ":domain":
      guard let domain = items.last, try domain.word("'robosuite'") == "robosuite" else {
        throw BddlSyntaxError(position, "expected (:domain robosuite)")
      }
    case ":requirements": break
    case ":language": language = try Self.words(items, "word").joined(separator: " ")
    case ":fixtures": fixtures = try Self.categories(items)
    case ":objects": objects = try Self.categories(items)
    case ":obj_of_interest": objectsOfInterest = try Self.words(items, "object")
    case ":regions": regions = try Self.regions(items)
    case ":init": initialState = try Self.predicates(items)
    case ":goal":
      guard let goal = items.first, items.count == 1 else { throw BddlSyntaxError(position, "expected one goal") }
      self.goal = try Self.predicates(Self.conjuncts(goal))
      guard !self.goal.isEmpty else { throw BddlSyntaxError(goal.position, "the goal is empty") }
    default: throw BddlSyntaxError(position, "'\(kind)' is not a group of a task")
    }
  }

  private static func words(_ items: [BddlExpression], _ expected: String) throws -> [String] {
    var words: [String] = []
    for item in items { words.append(try item.word("a \(expected)")) }
    return words
  }

  /// `a b - category c - other`: names, a dash, their category.
  private static func categories(_ items: [BddlExpression]) throws -> OrderedDictionary<String, [String]> {
    var categories: OrderedDictionary<String, [String]> = [:]
    var names: [String] = []
    var rest = items[...]
    while let item = rest.popFirst() {
      let word = try item.word("a name")
      guard word == "-" else {
        names.append(word)
        continue
      }
      guard let category = rest.popFirst() else {
        throw BddlSyntaxError(item.position, "expected a category after '-'")
      }
      categories[try category.word("a category")] = names
      names = []
    }
    if let last = items.last, !names.isEmpty { throw BddlSyntaxError(last.position, "'\(names[0])' has no category") }
    return categories
  }

  private static func regions(_ items: [BddlExpression]) throws -> OrderedDictionary<String, BddlRegion> {
    var regions: OrderedDictionary<String, BddlRegion> = [:]
    for item in items {
      let parts = try item.list("a region")
      guard let name = parts.first else { throw BddlSyntaxError(item.position, "expected a region, found ()") }
      var region = BddlRegion(target: "")
      for attribute in parts.dropFirst() { try read(attribute, into: &region) }
      guard !region.target.isEmpty else { throw BddlSyntaxError(item.position, "expected (:target …) in the region") }
      regions["\(region.target)_\(try name.word("the region's name"))"] = region
    }
    return regions
  }

  private static func read(_ attribute: BddlExpression, into region: inout BddlRegion) throws {
    let items = try attribute.list("an attribute such as (:target …)")
    guard items.count == 2, let title = items.first, let value = items.last else {
      throw BddlSyntaxError(attribute.position, "expected an attribute's name and its value")
    }
    switch try title.word("an attribute's name") {
    case ":target": region.target = try value.word("the target's name")
    case ":ranges":
      region.ranges = []
      for range in try value.list("rectangles") {
        let ends = try range.numbers(4, of: "a rectangle")
        region.ranges.append(
          BddlRegion.Rectangle(x: .init(from: ends[0], to: ends[2]), y: .init(from: ends[1], to: ends[3])))
      }
    case ":yaw_rotation":
      for angles in try value.list("angles") {
        let ends = try angles.numbers(2, of: "a yaw rotation")
        (region.yawFrom, region.yawTo) = (ends[0], ends[1])
      }
    case ":rgba": region.rgba = try value.numbers(4, of: "a color")
    case let other: throw BddlSyntaxError(title.position, "'\(other)' is not an attribute of a region")
    }
  }

  private static func conjuncts(_ goal: BddlExpression) throws -> [BddlExpression] {
    let items = try goal.list("a goal")
    if let first = items.first, case .word("and") = first.content { return Array(items.dropFirst()) }
    return [goal]
  }

  private static func predicates(_ items: [BddlExpression]) throws -> [BddlPredicate] {
    var predicates: [BddlPredicate] = []
    for item in items {
      let words = try item.words("name")
      guard let name = words.first, let relation = BddlPredicate.Relation(rawValue: name) else {
        let known = BddlPredicate.Relation.allCases.map(\.rawValue).joined(separator: ", ")
        throw BddlSyntaxError(item.position, "expected one of \(known), found '\(words.first ?? "()")'")
      }
      guard words.count == relation.arity + 1 else {
        throw BddlSyntaxError(item.position, "'\(name)' takes \(relation.arity) names, found \(words.count - 1)")
      }
      predicates.append(BddlPredicate(relation: relation, arguments: Array(words.dropFirst())))
    }
    return predicates
  }

  /// Checks that statements name declared objects, fixtures and regions. A region's target may be undeclared.
  private func checkNames(_ groups: [BddlExpression]) throws {
    let known = Set(fixtures.values.joined()).union(objects.values.joined()).union(regions.keys)
    for group in groups {
      guard case .list(let items) = group.content, case .word(let kind)? = items.first?.content else { continue }
      for (statements, title) in [(initialState, ":init"), (goal, ":goal")] where title == kind {
        for name in statements.flatMap(\.arguments) where !known.contains(name) {
          throw BddlSyntaxError(group.position, "'\(name)' is neither an object, a fixture nor a region of this task")
        }
      }
    }
  }
}
