import Foundation
import Testing
import TestSupport

struct WrongEngineTests {
  private static let compiler = "/usr/bin/cc"

  /// A folder of engines in which MuJoCo is a library that says it is 3.4.0.
  private func engines(in folder: URL) throws -> URL {
    let files = FileManager.default
    let given = ProcessInfo.processInfo.environment["WM_DEPS_DIR"].map { URL(fileURLWithPath: $0) }
    let source = given ?? Checkout.url.appendingPathComponent(".deps")
    let target = folder.appendingPathComponent("deps")
    /// Links to everything in a folder but one entry, which becomes a folder of its own.
    func link(_ path: String, except name: String) throws {
      let place = target.appendingPathComponent(path)
      try files.createDirectory(at: place.appendingPathComponent(name), withIntermediateDirectories: true)
      for entry in source.appendingPathComponent(path).names() where entry != name {
        try files.createSymbolicLink(
          at: place.appendingPathComponent(entry),
          withDestinationURL: source.appendingPathComponent(path).appendingPathComponent(entry))
      }
    }
    try link(".", except: "engines")
    try link("engines", except: "mujoco")
    try files.createDirectory(
      at: target.appendingPathComponent("engines/mujoco/mujoco"), withIntermediateDirectories: true)
    let header = Checkout.url.appendingPathComponent("Sources/Engines/MuJoCo/CMuJoCo/include")
    let names = try header.names().filter { $0.hasSuffix(".h") }.flatMap { file in
      try String(contentsOf: header.appendingPathComponent(file), encoding: .utf8).matches(of: /\bX\((mj\w+)\)/).map(
        \.1)
    }
    try #require(names.contains("mj_version"))
    let code = folder.appendingPathComponent("engine.c")
    let text = Set(names).sorted().map { "int \($0)(void) { return 340; }" }.joined(separator: "\n")
    try text.write(to: code, atomically: true, encoding: .utf8)
    let process = Process()
    process.executableURL = URL(fileURLWithPath: Self.compiler)
    process.arguments = [
      "-shared", "-fPIC", "-w", code.path, "-o",
      target.appendingPathComponent("engines/mujoco/mujoco/libmujoco.so.3.3.2").path,
    ]
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
    return target
  }

  @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: compiler), "needs a C compiler"))
  func `nothing is evaluated with another MuJoCo than the one that results are of`() throws {
    try Fixture.within { folder in
      let environment = ["WM_DEPS_DIR": try engines(in: folder).path]
      let clue = "built for MuJoCo 332 and found MuJoCo 340"
      let evaluation = try Program.run(
        Flags.evaluate + ["--policy.path=\(Flags.checkpoint)", "--output_dir=eval"], in: folder,
        environment: environment)
      #expect(evaluation.status == 1 && evaluation.errors.contains(clue), "\(evaluation.errors)")
      #expect(!folder.names().contains("eval"))
      let doctor = try Program.run(["doctor"], in: folder, environment: environment)
      #expect(doctor.status == 1 && doctor.output.contains(clue), "\(doctor.output)")
      #expect(doctor.output.contains("ok       torch"), "\(doctor.output)")
    }
  }
}
