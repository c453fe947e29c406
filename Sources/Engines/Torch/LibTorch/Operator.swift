import CTorch
import EngineLoading
import Failures

/// One argument of a libtorch operator.
enum Argument {
  case none
  case tensor(Tensor)
  case int(Int)
  case double(Double)
  case bool(Bool)
  case ints([Int])
  case tensors([Tensor])
  case text(StaticString)
  case dtype(DType)
  case device(Device)
  /// An empty list of optional numbers.
  case noScalars

  static func optional(_ tensor: Tensor?) -> Argument { tensor.map(Argument.tensor) ?? .none }
}

/// The memory of one call's lists and names.
private struct CallFrame {
  private var lists: [UnsafeMutableRawPointer] = []

  mutating func pack(_ argument: Argument) -> wm_value {
    var value = wm_value()
    switch argument {
    case .none: value.kind = Int32(WM_NONE.rawValue)
    case .tensor(let tensor):
      value.kind = Int32(WM_TENSOR.rawValue)
      value.value.tensor = tensor.handle
    case .int(let integer):
      value.kind = Int32(WM_INT.rawValue)
      value.value.integer = Int64(integer)
    case .dtype(let dtype):
      value.kind = Int32(WM_INT.rawValue)
      value.value.integer = Int64(dtype.rawValue)
    case .double(let real):
      value.kind = Int32(WM_DOUBLE.rawValue)
      value.value.real = real
    case .bool(let flag):
      value.kind = Int32(WM_BOOL.rawValue)
      value.value.integer = flag ? 1 : 0
    case .text(let text):
      value.kind = Int32(WM_STRING.rawValue)
      value.value.text = UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
    case .ints(let integers):
      value.kind = Int32(WM_INT_LIST.rawValue)
      value.count = Int32(integers.count)
      value.value.integers = UnsafePointer(store(integers.map(Int64.init)))
    case .tensors(let tensors):
      value.kind = Int32(WM_TENSOR_LIST.rawValue)
      value.count = Int32(tensors.count)
      value.value.tensors = UnsafePointer(store(tensors.map { Optional($0.handle) }))
    case .noScalars: value.kind = Int32(WM_NO_SCALARS.rawValue)
    case .device(let device):
      value.kind = Int32(WM_DEVICE.rawValue)
      value.value.text = UnsafePointer(store(Array(device.description.utf8CString)))
    }
    return value
  }

  private mutating func store<Element>(_ elements: [Element]) -> UnsafeMutablePointer<Element> {
    let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
    memory.initialize(from: elements, count: elements.count)
    lists.append(UnsafeMutableRawPointer(memory))
    return memory
  }

  func release() { for list in lists { list.deallocate() } }
}

/// Calls a libtorch operator by its schema name, such as `aten::add.Tensor`; omitted arguments take their defaults.
///
/// The handles are owned by the caller.
func callHandles(_ name: StaticString, _ arguments: [Argument], results: Int) throws -> [OpaquePointer?] {
  let engine = try TorchEngine.shared()
  var frame = CallFrame()
  var values: [wm_value] = []
  values.reserveCapacity(arguments.count)
  for argument in arguments { values.append(frame.pack(argument)) }
  let handles = withUnsafeTemporaryAllocation(of: OpaquePointer?.self, capacity: max(results, 1)) { handles in
    // The tensors behind the raw handles, and the frame's lists, must outlive the call.
    withExtendedLifetime(arguments) {
      let produced = UnsafeRawPointer(name.utf8Start).withMemoryRebound(to: CChar.self, capacity: 1) {
        engine.api.call($0, values, Int32(values.count), handles.baseAddress, Int32(results))
      }
      return produced < 0 ? nil : (0..<Int(produced)).map { handles[$0] }
    }
  }
  frame.release()
  guard let handles else { throw Failure("\(name): \(engine.api.lastError.description)") }
  return handles
}

/// Calls an operator that returns several tensors, or none.
@discardableResult
func callAll(_ name: StaticString, _ arguments: [Argument], results: Int) throws -> [Tensor] {
  var tensors: [Tensor] = []
  for handle in try callHandles(name, arguments, results: results) {
    guard let handle else { throw Failure("\(name) returned no tensor") }
    tensors.append(Tensor(owning: handle))
  }
  return tensors
}

/// Calls an operator that returns one tensor.
@discardableResult
func call(_ name: StaticString, _ arguments: Argument...) throws -> Tensor {
  guard case .some(.some(let handle)) = try callHandles(name, arguments, results: 1).first else {
    throw Failure("\(name) returned no tensor")
  }
  return Tensor(owning: handle)
}

extension wm_torch_api {
  /// libtorch's message for this thread's last failure.
  var lastError: Failure { Failure("libtorch: \(CText.message(last_error()))") }
}
