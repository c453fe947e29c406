import MuJoCo

/// A task made ready to run: one compiled model for any number of environments, and what differs between episodes.
public struct LiberoWorld: Sendable {
  /// The compiled model, with fixtures where the files have them.
  public let model: Model
  /// What a policy is told.
  public let instruction: String
  /// What must hold for the task to be done.
  public let goal: [BddlPredicate]
  /// Every object's and fixture's category, by its name.
  public let categories: [String: String]
  /// Initial states: time, positions, velocities.
  public let initialStates: [[Double]]
  /// Control steps after which an episode has failed.
  public let maximumSteps: Int
  /// Where a seed puts what is not part of an initial state.
  public let placement: @Sendable (_ seed: Int) throws(LiberoError) -> LiberoPlacement

  /// Describes a task.
  public init(
    model: Model, instruction: String, goal: [BddlPredicate], categories: [String: String], initialStates: [[Double]],
    maximumSteps: Int, placement: @escaping @Sendable (_ seed: Int) throws(LiberoError) -> LiberoPlacement
  ) {
    self.model = model
    self.instruction = instruction
    self.goal = goal
    self.categories = categories
    self.initialStates = initialStates
    self.maximumSteps = maximumSteps
    self.placement = placement
  }
}

/// Where one seed puts things.
public struct LiberoPlacement: Sendable, Equatable {
  /// A fixture's root body and its pose.
  public struct Fixture: Sendable, Equatable {
    /// The body's name.
    public let body: String
    /// Metres.
    public let position: SIMD3<Double>
    /// w, x, y, z.
    public let quaternion: SIMD4<Double>

    /// Places a fixture.
    public init(body: String, position: SIMD3<Double>, quaternion: SIMD4<Double>) {
      self.body = body
      self.position = position
      self.quaternion = quaternion
    }
  }

  /// The fixtures.
  public let fixtures: [Fixture]
  /// All positions of the built scene before its initial state is set; they move only the solver's first warm start. Nil
  /// takes the model's own.
  public let positions: [Double]?

  /// Describes a placement.
  public init(fixtures: [Fixture], positions: [Double]?) {
    self.fixtures = fixtures
    self.positions = positions
  }
}
