import Failures
import COffscreenGL
import Foundation

/// The library that draws without a window.
public enum GraphicsBackend: String, Sendable, CaseIterable {
  /// EGL on a graphics card, or in software where it is asked for by name and there is none.
  case egl
  /// Mesa's off-screen renderer, in software.
  case osmesa

  /// What `MUJOCO_GL` asks for; nil when it is unset, and then a graphics card is preferred and OSMesa follows.
  public static func requested(
    in environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> GraphicsBackend? {
    guard let value = environment["MUJOCO_GL"], !value.isEmpty else { return nil }
    guard let backend = GraphicsBackend(rawValue: value.lowercased()) else {
      throw Failure("MUJOCO_GL is '\(value)'; set it to egl or osmesa, or leave it unset")
    }
    return backend
  }

  /// What to try for a request, in order.
  static func candidates(_ requested: GraphicsBackend?) -> [wm_gl_kind] {
    switch requested {
    case .osmesa: [WM_GL_OSMESA]
    case .egl: [WM_GL_EGL_DEVICE, WM_GL_EGL_SOFTWARE]
    case nil: [WM_GL_EGL_DEVICE, WM_GL_OSMESA, WM_GL_EGL_SOFTWARE]
    }
  }
}

/// A GL context that any one thread may take for the length of a closure.
final class GraphicsContext {
  private let pointer: OpaquePointer

  /// Opens the first backend that works, or says why none does; nil takes what `MUJOCO_GL` asks for.
  init(width: Int, height: Int, backend: GraphicsBackend?) throws {
    var reasons: [String] = []
    let wanted = if let backend { backend } else { try GraphicsBackend.requested() }
    for kind in GraphicsBackend.candidates(wanted) {
      var words = [CChar](repeating: 0, count: 512)
      if let made = wm_gl_create(kind, Int32(width), Int32(height), &words, Int32(words.count)) {
        pointer = made
        return
      }
      let reason = String(decoding: words.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if !reasons.contains(reason) { reasons.append(reason) }
    }
    throw Failure(
      "no OpenGL context for drawing: \(reasons.joined(separator: "; ")). Install libosmesa6 (software) or a graphics"
        + " driver with EGL, or choose with MUJOCO_GL=osmesa or MUJOCO_GL=egl")
  }

  deinit { wm_gl_destroy(pointer) }

  /// Runs `body` with this context current on the calling thread and gives it up afterwards.
  func whileCurrent<Value>(_ body: () throws -> Value) throws -> Value {
    guard wm_gl_make_current(pointer) != 0 else {
      throw Failure("the OpenGL context cannot be used: another thread holds it")
    }
    defer { _ = wm_gl_clear_current(pointer) }
    return try body()
  }
}
