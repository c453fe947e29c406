import Synchronization
import Testing
import WorkerThreads

private struct Problem: Error {
  let number: Int
}

struct SerialJobsTests {
  @Test func `jobs run one after another, and failures are told once`() {
    let jobs = SerialJobs(named: "test")
    let order = Mutex<[Int]>([])
    var told: [String] = []
    for number in 0..<4 {
      told += jobs.start {
        order.withLock { $0.append(number) }
        if !number.isMultiple(of: 2) { throw Problem(number: number) }
      } onFailure: {
        "job \(($0 as? Problem)?.number ?? -1) failed"
      }
    }
    jobs.add { order.withLock { $0.append(4) } }
    #expect(told == ["job 1 failed"])
    #expect(jobs.finish() == ["job 3 failed"] && jobs.finish().isEmpty)
    #expect(order.withLock { $0 } == [0, 1, 2, 3, 4])
  }
}
