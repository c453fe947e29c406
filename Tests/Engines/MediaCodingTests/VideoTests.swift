import Failures
import Foundation
import RGBImages
import Testing

@testable import MediaCoding

private let shown = [0, 1, 10, 13, 23]

@Test(arguments: ["av1", "av1_long", "h264", "h264_b", "h264_709", "hevc"])
func `frames by time equal PyAV's planes and torchcodec's colors in any order`(name: String) throws {
  let reader = try VideoReader(goldenURL("\(name).mp4"))
  #expect(reader.width == 48 && reader.height == 32 && reader.framesPerSecond == 10)
  #expect(name.hasPrefix(reader.codec) && reader.pixelFormat == "yuv420p")
  let planes = try golden("\(name).yuv")
  let colors = try golden("\(name).rgb")
  for order in [[0, 1, 2, 3, 4], [4, 3, 2, 1, 0], [2, 0, 4, 4, 1, 3]] {
    for slot in order {
      let time = Double(shown[slot]) / 10
      let size = 48 * 32
      let found = try reader.planes(at: time)
      #expect(found == Array(planes[slot * size * 3 / 2..<(slot + 1) * size * 3 / 2]))
      let image = try reader.frame(at: time)
      #expect(difference(image.pixels, Array(colors[slot * size * 3..<(slot + 1) * size * 3])) <= 2)
    }
  }
}

/// The turn as torchcodec 0.11 makes it: by a quarter counterclockwise the top left corner comes to be the bottom left one.
@Test(arguments: [(1, [0, -1, 1, 0]), (2, [-1, 0, 0, -1]), (3, [0, 1, -1, 0])])
func `a video of a camera on its side is turned`(turns: Int, matrix: [Int32]) throws {
  try withFolder { folder in
    let (plain, turned) = (try goldenURL("h264.mp4"), folder.appendingPathComponent("turned.mp4"))
    var bytes = try Data(contentsOf: plain)
    // The matrix of the track's header, of version 0: a, b, u, c, d, v in 16.16, as ISO/IEC 14496-12 has it.
    let place = try #require(bytes.range(of: Data("tkhd".utf8))).upperBound + 40
    for (slot, value) in zip([0, 1, 3, 4], matrix) {
      withUnsafeBytes(of: (value << 16).bigEndian) { word in
        bytes.replaceSubrange(place + 4 * slot..<place + 4 * slot + 4, with: word)
      }
    }
    try bytes.write(to: turned)
    let (before, after) = (try VideoReader(plain).frame(at: 0.3), try VideoReader(turned).frame(at: 0.3))
    let (right, bottom) = (before.width - 1, before.height - 1)
    #expect(after.width == (turns == 2 ? before.width : before.height))
    #expect(after.height == (turns == 2 ? before.height : before.width))
    func pixel(_ image: RGBImage, _ x: Int, _ y: Int) -> [UInt8] {
      Array(image.pixels[3 * (y * image.width + x)..<3 * (y * image.width + x) + 3])
    }
    for (x, y) in [(0, 0), (right, 0), (5, 7), (right, bottom)] {
      let (column, row) = [1: (y, right - x), 2: (right - x, bottom - y), 3: (bottom - y, x)][turns] ?? (x, y)
      #expect(pixel(after, column, row) == pixel(before, x, y))
    }
    let reader = try VideoReader(turned)
    #expect(reader.width == after.width && reader.height == after.height)
  }
}

@Test func `a frame is found from every other frame`() throws {
  for name in ["h264_b", "av1_long", "hevc"] {
    let reader = try VideoReader(goldenURL("\(name).mp4"))
    let straight = try (0..<24).map { try reader.planes(at: Double($0) / 10) }
    #expect(Set(straight).count == 24)
    for first in 0..<24 {
      for second in stride(from: 23, through: 0, by: -1) {
        _ = try reader.planes(at: Double(first) / 10)
        #expect(try reader.planes(at: Double(second) / 10) == straight[second])
      }
    }
  }
}

@Test(arguments: VideoCodec.allCases)
func `frames in order are decoded once, and others from the nearest key frame`(codec: VideoCodec) throws {
  guard try codec.isAvailable else { return }
  try withFolder { folder in
    for interval in [2, 12] {
      let url = folder.appendingPathComponent("\(interval).mp4")
      let writer = try VideoWriter(
        url, width: 64, height: 64, framesPerSecond: 10, codec: codec, quality: 30, keyInterval: interval)
      for frame in 0..<60 { try writer.append(scene(frame, width: 64, height: 64)) }
      try writer.finish()
      let reader = try VideoReader(url)
      for frame in 0..<60 { _ = try reader.frame(at: Double(frame) / 10) }
      let inOrder = reader.decodedPackets
      #expect(inOrder == 60)
      let shuffled = (0..<60).map { $0 * 37 % 60 }
      for frame in shuffled { _ = try reader.frame(at: Double(frame) / 10) }
      // On average half of what lies between key frames, and what a codec that reorders frames holds back.
      let heldBack = codec == .h264 ? 2.0 : codec == .hevc ? 5 : 0
      let each = Double(reader.decodedPackets - inOrder) / 60
      #expect(each <= Double(interval + 1) / 2 + heldBack, "\(each) packets for a frame")
    }
  }
}

@Test(arguments: ["h264_b", "av1_long", "hevc"])
func `a tolerance above the frame period still gives the nearest frame, from every other frame`(name: String) throws {
  let reader = try VideoReader(goldenURL("\(name).mp4"))
  let straight = try (0..<24).map { try reader.planes(at: Double($0) / 10) }
  for tolerance in [0.06, 0.15, 100] {
    for first in stride(from: 0, to: 24, by: 5) {
      for (asked, nearest) in [(3, 3.0), (12, 12.04), (11, 10.96), (0, -0.3), (23, 23.4), (7, 7)] {
        _ = try reader.planes(at: Double(first) / 10)
        #expect(try reader.planes(at: nearest / 10, tolerance: tolerance) == straight[asked])
      }
    }
  }
}

@Test func `of two frames at the same distance the earlier one is given, in any order`() throws {
  let url = try goldenURL("h264_b.mp4")
  let reader = try VideoReader(url)
  // Exact in binary, so that the distances are the same to the last bit.
  for (time, asked) in [(0.25, 2), (1.25, 12), (1.75, 17)] {
    for first in [0, 1.1, 1.2, 1.3, 2.3] {
      _ = try reader.planes(at: first)
      let found = try reader.planes(at: time, tolerance: 0.06)
      #expect(try found == VideoReader(url).planes(at: Double(asked) / 10))
    }
  }
}

@Test func `times between frames and outside the video are errors that name the nearest`() throws {
  let reader = try VideoReader(goldenURL("h264_b.mp4"))
  for time in [0.05, -0.1, 2.4, 100, 1.2345] {
    #expect(throws: Failure.self) { try reader.frame(at: time) }
    // The reader is still good afterwards.
    _ = try reader.frame(at: 1.1)
  }
  for time in [Double.nan, .infinity, 1e300] { #expect(throws: Failure.self) { try reader.frame(at: time) } }
  _ = try reader.frame(at: 1.1001, tolerance: 2e-4)
  do {
    _ = try reader.frame(at: 1.14)
  } catch { #expect(message(of: error).contains("nearest at 1.1 s")) }
}

@Test func `a missing, truncated or damaged video is an error and never a crash`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("bad.mp4")
    #expect(throws: Failure.self) { try VideoReader(url) }
    for name in ["h264.mp4", "av1.mp4", "hevc.mp4"] {
      let whole = try golden(name)
      for count in [0, 10, whole.count / 2] {
        try Data(whole.prefix(count)).write(to: url)
        #expect(throws: Failure.self) { try VideoReader(url).frame(at: 2.3) }
      }
      for position in stride(from: 0, to: whole.count, by: 29) {
        var damaged = whole
        damaged[position] ^= 0xFF
        try Data(damaged).write(to: url)
        _ = try? VideoReader(url).frame(at: 1.3)
      }
    }
    try Data("#EXTM3U\n/etc/hostname\n".utf8).write(to: url)
    #expect(throws: Failure.self) { try VideoReader(url) }
    try Data("ffconcat version 1.0\nfile '/etc/hostname'\n".utf8).write(to: url)
    #expect(throws: Failure.self) { try VideoReader(url) }
  }
}

@Test(arguments: VideoCodec.allCases)
func `a written video holds every frame at its exact time`(codec: VideoCodec) throws {
  guard try codec.isAvailable else { return }
  try withFolder { folder in
    for rate in [10.0, 30, 29.97] {
      let url = folder.appendingPathComponent("\(codec)-\(rate).mp4")
      let writer = try VideoWriter(
        url, width: 64, height: 64, framesPerSecond: rate, codec: codec, quality: 20, keyInterval: 12)
      for frame in 0..<25 { try writer.append(scene(frame, width: 64, height: 64)) }
      #expect(!FileManager.default.fileExists(atPath: url.path))
      try writer.finish()
      let reader = try VideoReader(url)
      #expect(abs(reader.framesPerSecond - rate) < 0.01 && abs(reader.duration - 25 / rate) < 1e-3)
      for frame in stride(from: 24, through: 0, by: -5) {
        let image = try reader.frame(at: Double(frame) / rate)
        let truth = try scene(frame, width: 64, height: 64)
        let error = zip(image.pixels, truth.pixels).map { abs(Int($0) - Int($1)) }.reduce(0, +)
        #expect(Double(error) / Double(truth.pixels.count) < 14)
      }
      #expect(throws: Failure.self) { try reader.frame(at: 25 / rate) }
    }
  }
}

/// SVT-AV1 makes the threads of a root user real-time threads, which starve all others.
@Test(arguments: VideoCodec.allCases)
func `writing a video leaves every thread with an ordinary priority`(codec: VideoCodec) throws {
  guard try codec.isAvailable else { return }
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.mp4")
    let writer = try VideoWriter(url, width: 64, height: 64, framesPerSecond: 10, codec: codec)
    try writer.append(scene(0, width: 64, height: 64))
    // Another test may be opening an encoder at this moment.
    var isRealTime = true
    for _ in 0..<100 where isRealTime {
      isRealTime = try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").contains {
        [SCHED_FIFO, SCHED_RR].contains(sched_getscheduler(Int32($0) ?? 0))
      }
      if isRealTime { usleep(10_000) }
    }
    #expect(!isRealTime)
    try writer.finish()
  }
}

@Test func `an unfinished video leaves no file and invalid settings are refused`() throws {
  try withFolder { folder in
    let url = folder.appendingPathComponent("a.mp4")
    do {
      let writer = try VideoWriter(url, width: 64, height: 48, framesPerSecond: 10)
      try writer.append(scene(0))
      #expect(throws: Failure.self) { try writer.append(scene(0, width: 48, height: 64)) }
    }
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    #expect(throws: Failure.self) { try VideoWriter(url, width: 63, height: 48, framesPerSecond: 10) }
    #expect(throws: Failure.self) { try VideoWriter(url, width: 64, height: 48, framesPerSecond: 0) }
    #expect(throws: Failure.self) { try VideoWriter(url, width: 64, height: 48, framesPerSecond: 12.34567) }
    #expect(throws: Failure.self) {
      try VideoWriter(folder.appendingPathComponent("none/a.mp4"), width: 64, height: 48, framesPerSecond: 10)
    }
    try Data().write(to: url)
    #expect(throws: Failure.self) { try VideoWriter(url, width: 64, height: 48, framesPerSecond: 10) }
  }
}

@Test func `idle readers are kept up to a limit`() throws {
  let readers = VideoReaders(capacity: 2)
  for name in ["av1", "h264", "h264_b", "av1"] {
    _ = try readers.frame(of: goldenURL("\(name).mp4"), at: 1)
    #expect(readers.idleCount <= 2)
  }
  #expect(throws: Failure.self) { try readers.frame(of: goldenURL("h264.mp4"), at: 99) }
}
