@testable import WorldLatents
import Failures
import Testing

@testable import WorldModality

struct WorldWindowTests {
  /// Every frame of every cutting of up to six frames into up to three episodes, against a look at each frame alone.
  @Test func `every small case stays within its episode and never looks ahead`() throws {
    for total in 1...6 {
      for first in 0..<total {
        for second in first..<total {
          let cuts = [0, first, second, total]
          let episodes = (0..<3).map { cuts[$0]..<cuts[$0 + 1] }.filter { !$0.isEmpty }
          for episode in episodes {
            for frame in episode { try check(frame, episode) }
          }
        }
      }
    }
  }

  private func check(_ frame: Int, _ episode: Range<Int>) throws {
    let window = try WorldWindow(frame: frame, episode: episode)
    for count in 0...8 {
      let history = window.history(frames: count)
      #expect(history.count == count)
      #expect(history.allSatisfy { episode.contains($0) && $0 <= frame })
      for (place, index) in history.enumerated() {
        let wanted = frame - (count - 1 - place)
        #expect(index == (wanted >= episode.lowerBound ? wanted : episode.lowerBound))
      }
      let future = window.future(frames: count)
      #expect(future.indices.count == count && future.isValid.count == count)
      for (step, (index, isValid)) in zip(future.indices, future.isValid).enumerated() {
        let wanted = frame + step + 1
        #expect(isValid == episode.contains(wanted))
        #expect(index == (isValid ? wanted : episode.upperBound - 1))
      }
    }
  }

  @Test func `a frame outside its episode is refused`() {
    for (frame, episode) in [(4, 5..<9), (9, 5..<9), (0, 0..<0), (-1, 0..<3)] {
      #expect(throws: Failure.self) { try WorldWindow(frame: frame, episode: episode) }
    }
  }
}
