import Failures
import RobotPolicies
import Testing

@testable import Commands

struct FreeMemoryTests {
  @Test func `what needs more memory than there is is refused with both figures`() throws {
    try FreeMemory.require(1, for: "a byte", remedy: "")
    let error = #expect(throws: Failure.self) { try FreeMemory.require(1e18, for: "much", remedy: "take less") }
    let words = error?.description ?? ""
    #expect(
      words.hasPrefix("much needs at least 1000000000.0 GB of memory, ") && words.hasSuffix(" are free; take less"))
  }

  @Test func `a training's batches count, those loaded ahead too, and names what makes them smaller`() throws {
    var settings = TrainSettings()
    let camera = PolicyFeature(.visual, [3, 4096, 4096])
    (settings.batchSize, settings.workers) = (1, 0)
    try settings.requireMemory([camera], isOnCPU: true)
    settings.batchSize = 1 << 20
    for isOnCPU in [true, false] {
      let error = #expect(throws: Failure.self) { try settings.requireMemory([camera, camera], isOnCPU: isOnCPU) }
      #expect(error?.description.hasPrefix("`batch_size=1048576` needs at least ") == true)
    }
  }
}
