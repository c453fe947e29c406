import Testing

@testable import LeRobotDatasets

@Test func `no window ever crosses its episode and valid entries are the frames asked for`() {
  // Every episode inside 0..<7, every frame of it, every window of up to 9 steps: all cases, not samples.
  for first in 0..<6 {
    for end in first + 1...7 {
      for frame in first..<end {
        for from in -4...4 {
          for to in from...5 {
            let window = FrameWindow(episode: first..<end, frame: frame, offsets: from..<to)
            #expect(window.indices.count == to - from && window.isValid.count == to - from)
            for (slot, offset) in (from..<to).enumerated() {
              let wanted = frame + offset
              let inside = wanted >= first && wanted < end
              #expect(window.isValid[slot] == inside)
              #expect(window.indices[slot] == (inside ? wanted : wanted < first ? first : end - 1))
            }
          }
        }
      }
    }
  }
}

@Test func `strided and unordered offsets keep their order`() {
  let window = FrameWindow(episode: 10..<14, frame: 12, offsets: [3, -5, 0, -2, 1])
  #expect(window.indices == [13, 10, 12, 10, 13])
  #expect(window.isValid == [false, false, true, true, true])
}

@Test func `absurd offsets and frames stay inside`() {
  let window = FrameWindow(episode: 2..<5, frame: 4, offsets: [.min, .max, 0])
  #expect(window.indices == [2, 4, 4] && window.isValid == [false, false, true])
  #expect(FrameWindow(episode: 2..<5, frame: 99, offsets: [0]).indices == [4])
  #expect(FrameWindow(episode: 2..<2, frame: 2, offsets: [0]).indices.isEmpty)
}
