import COffscreenGL
import EngineLoading
import Failures
import Foundation

/// A library for rendering without a window.
public enum GraphicsBackend: String, Sendable, CaseIterable {
  /// EGL on a graphics card, or in software if it is requested by name and there is no card.
  case egl
  /// Mesa's off-screen renderer, in software.
  case osmesa

  /// The backend that `MUJOCO_GL` names; if it is unset, nil: a graphics card is tried first, then OSMesa.
  public static func requested(
    in environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> GraphicsBackend? {
    guard let value = environment["MUJOCO_GL"], !value.isEmpty else { return nil }
    guard let backend = GraphicsBackend(rawValue: value.lowercased()) else {
      throw Failure("MUJOCO_GL is '\(value)'; set it to egl or osmesa, or leave it unset")
    }
    return backend
  }

  /// What this process draws with, such as `osmesa`; nil before it has drawn anything.
  public static var inUse: String? {
    switch wm_gl_kind_in_use() {
    case Int32(WM_GL_OSMESA.rawValue): "osmesa"
    case Int32(WM_GL_EGL_DEVICE.rawValue): "egl on a graphics card"
    case Int32(WM_GL_EGL_SOFTWARE.rawValue): "egl in software"
    default: nil
    }
  }

  /// The kinds to try for a request, in order.
  static func candidates(_ requested: GraphicsBackend?) -> [wm_gl_kind] {
    switch requested {
    case .osmesa: [WM_GL_OSMESA]
    case .egl: [WM_GL_EGL_DEVICE, WM_GL_EGL_SOFTWARE]
    case nil: [WM_GL_EGL_DEVICE, WM_GL_OSMESA, WM_GL_EGL_SOFTWARE]
    }
  }
}

/// A GL context that one thread at a time may use, for the duration of a closure.
final class GraphicsContext {
  private let pointer: OpaquePointer

  /// Opens the first backend that works; nil selects by `MUJOCO_GL`.
  init(width: Int, height: Int, backend: GraphicsBackend?) throws {
    var reasons: [String] = []
    let wanted = if let backend { backend } else { try GraphicsBackend.requested() }
    for kind in GraphicsBackend.candidates(wanted) {
      let (reason, made) = CText.filled(capacity: 512) { wm_gl_create(kind, Int32(width), Int32(height), $0, $1) }
      if let made {
        pointer = made
        return
      }
      if !reasons.contains(reason) { reasons.append(reason) }
    }
    throw Failure(
      "no OpenGL context for drawing: \(reasons.joined(separator: "; ")). Install libosmesa6 (software) or a graphics"
        + " driver with EGL, or choose with MUJOCO_GL=osmesa or MUJOCO_GL=egl")
  }

  deinit { wm_gl_destroy(pointer) }

  /// Runs `body` with this context current on the calling thread and releases it afterwards.
  func whileCurrent<Value>(_ body: () throws -> Value) throws -> Value {
    guard wm_gl_make_current(pointer) != 0 else {
      throw Failure("the OpenGL context cannot be used: another thread holds it")
    }
    defer { _ = wm_gl_clear_current(pointer) }
    return try body()
  }
}
