import Failures

/// LIBERO's model file of a kind of object, and its rotation when it is placed.
struct ObjectCategory: Sendable {
  /// A rotation about an axis by a random angle between two bounds, radians.
  struct AxisRotation: Sendable, Equatable {
    enum Axis: Sendable { case x, y, z }
    let axis: Axis
    let low: Double
    let high: Double
  }

  /// The model's file, relative to the folder of assets.
  let file: String
  /// The rotations of a movable object, applied in order.
  let rotations: [AxisRotation]

  /// The category of a name that a task's description uses.
  init(named name: String) throws {
    guard let family = Self.families.first(where: { $0.members.contains(name) }) else {
      throw Failure("'\(name)' is not a kind of object in LIBERO 0.1.4")
    }
    let model = Self.renamed[name] ?? name
    file = family.nested ? "\(family.folder)/\(model)/\(model).xml" : "\(family.folder)/\(model).xml"
    rotations = Self.exceptions[name] ?? family.rotations
  }

  private struct Family {
    let folder: String
    let nested: Bool
    let rotations: [AxisRotation]
    let members: Set<String>
  }

  private static let half = Double.pi / 2
  private static func about(_ axis: AxisRotation.Axis, _ low: Double, _ high: Double) -> [AxisRotation] {
    [AxisRotation(axis: axis, low: low, high: high)]
  }

  private static let families = [
    Family(
      folder: "articulated_objects", nested: false, rotations: about(.x, .pi / 4, half),
      members: [
        "microwave", "slide_cabinet", "window", "faucet", "basin_faucet", "short_cabinet", "short_fridge",
        "wooden_cabinet", "white_cabinet", "flat_stove",
      ]),
    Family(
      folder: "stable_scanned_objects", nested: true, rotations: about(.x, half, half),
      members: [
        "rack", "white_bowl", "akita_black_bowl", "plate", "basket", "chefmate_8_frypan",
        "glazed_rim_porcelain_ramekin",
      ]),
    Family(
      folder: "stable_hope_objects", nested: true, rotations: about(.x, half, half),
      members: [
        "alphabet_soup", "bbq_sauce", "butter", "cherries", "chocolate_pudding", "cookies", "corn", "cream_cheese",
        "ketchup", "macaroni_and_cheese", "mayo", "milk", "orange_juice", "popcorn", "salad_dressing",
        "new_salad_dressing", "tomato_sauce",
      ]),
    Family(
      folder: "turbosquid_objects", nested: true, rotations: about(.x, 0, 0),
      members: [
        "wooden_tray", "white_storage_box", "wooden_shelf", "wooden_two_layer_shelf", "wine_rack", "wine_bottle",
        "dining_set_group", "bowl_drainer", "moka_pot", "black_book", "yellow_book", "red_coffee_mug", "desk_caddy",
        "porcelain_mug", "white_yellow_mug",
      ]),
  ]

  private static let renamed = ["rack": "simple_rack"]

  private static let bottle = about(.x, half, half) + about(.z, half, half)
  private static let exceptions: [String: [AxisRotation]] = [
    "flat_stove": about(.y, 0, 0), "rack": about(.x, 0, 0), "white_storage_box": about(.y, 0, 0),
    "alphabet_soup": about(.z, half, half), "tomato_sauce": about(.z, half, half),
    "butter": about(.x, 0, 0), "chocolate_pudding": about(.x, 0, 0), "cream_cheese": about(.x, 0, 0),
    "popcorn": about(.x, 0, 0), "ketchup": bottle, "macaroni_and_cheese": bottle, "mayo": bottle, "milk": bottle,
    "orange_juice": bottle, "salad_dressing": bottle, "new_salad_dressing": bottle,
    "black_book": about(.x, -half, -.pi / 4), "yellow_book": about(.x, -half, -.pi / 4),
    "red_coffee_mug": about(.x, -half, -half), "porcelain_mug": about(.x, -half, -half),
    "white_yellow_mug": about(.x, -half, -half),
  ]
}
