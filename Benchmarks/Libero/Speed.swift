import Foundation
import LiberoSimulation
import RobotEnvironments

/// How fast environments of one task run, each on its own thread, under a policy that looks every few steps.
struct Speed: Encodable {
  /// The policy's one action: a slow move that reaches nothing.
  static let action: [Float] = [0.1, 0, -0.05, 0, 0, 0, -1]
  /// Steps that a policy plans at once.
  static let horizon = 10

  /// Seconds since 1970 when the first step of the first environment was done.
  let firstStep: Double
  /// Steps a second of all environments together.
  let stepsPerSecond: Double
  /// Seconds of all threads together: physics and control; images; resets.
  let physicsSeconds, pictureSeconds, resetSeconds: Double
  /// Processor seconds of the whole program while stepping.
  let processorSeconds: Double
  /// The most memory that the program had, bytes.
  let peakBytes: Int
  /// Memory in use with the task's model alone, with all environments, and once they have drawn, bytes.
  let residentBytes: [Int]

  init(of world: LiberoWorld, environments count: Int, steps: Int, horizon: Int = horizon) throws {
    let workers = (0..<count).map { Worker(world, episode: $0, steps: steps, horizon: horizon) }
    var resident = [Self.residentMemory()]
    Self.onThreads(workers) { try $0.begin() }
    resident.append(Self.residentMemory())
    Self.onThreads(workers) { try $0.look() }
    resident.append(Self.residentMemory())
    residentBytes = resident
    let processor = Self.processorTime()
    let wall = ContinuousClock().measure { Self.onThreads(workers) { try $0.run() } }
    for worker in workers { if let error = worker.failure { throw error } }
    processorSeconds = Self.processorTime() - processor
    stepsPerSecond = Double(count * steps) / wall.seconds
    firstStep = workers.map(\.firstStep).min() ?? 0
    physicsSeconds = workers.map(\.physics.seconds).reduce(0, +)
    pictureSeconds = workers.map(\.images.seconds).reduce(0, +)
    resetSeconds = workers.map(\.resets.seconds).reduce(0, +)
    peakBytes = Self.peakMemory()
  }

  private static func onThreads(_ workers: [Worker], _ body: @Sendable (Worker) throws -> Void) {
    DispatchQueue.concurrentPerform(iterations: workers.count) { index in
      do { try body(workers[index]) } catch { workers[index].failure = error }
    }
  }

  private static func processorTime() -> Double {
    var usage = rusage()
    getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    return [usage.ru_utime, usage.ru_stime].map { Double($0.tv_sec) + Double($0.tv_usec) * 1e-6 }.reduce(0, +)
  }

  private static func residentMemory() -> Int {
    let words = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8))?.split(separator: " ") ?? []
    return words.count > 1 ? (Int(words[1]) ?? 0) * sysconf(Int32(_SC_PAGESIZE)) : 0
  }

  private static func peakMemory() -> Int {
    var usage = rusage()
    getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
    return usage.ru_maxrss * 1024
  }
}

/// One environment and its clock; one thread at a time touches it.
private final class Worker: @unchecked Sendable {
  let world: LiberoWorld
  let episode, steps, horizon: Int
  var environment: LiberoEnvironment?
  var failure: (any Error)?
  var firstStep = 0.0
  var physics = Duration.zero, images = Duration.zero, resets = Duration.zero

  init(_ world: LiberoWorld, episode: Int, steps: Int, horizon: Int) {
    (self.world, self.episode, self.steps, self.horizon) = (world, episode, steps, horizon)
  }

  /// Makes the environment and begins an episode.
  func begin() throws {
    let clock = ContinuousClock()
    let environment = try LiberoEnvironment(world)
    resets += try clock.measure { try environment.reset(seed: 0, episode: episode) }
    self.environment = environment
  }

  /// Looks for the first time and takes the first step.
  func look() throws {
    guard let environment else { return }
    _ = try environment.observe(cameras: ["image", "image2"])
    _ = try environment.step(Speed.action)
    firstStep = Date().timeIntervalSince1970
  }

  func run() throws {
    guard let environment else { return }
    let clock = ContinuousClock()
    for step in 0..<steps {
      if step % horizon == 0 {
        images += try clock.measure { _ = try environment.observe(cameras: ["image", "image2"]) }
      }
      physics += try clock.measure { _ = try environment.step(Speed.action) }
    }
  }
}

extension Duration {
  /// As a number.
  var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}
