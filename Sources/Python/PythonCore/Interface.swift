import CPythonCore
import Failures
import LibTorch
import ModelFiles
import NeuralNetworks

// The functions of lerobot_wm.h.

/// `lerobot_wm_call`.
@_cdecl("lerobot_wm_call")
public func callFunction(
  _ function: UnsafePointer<CChar>, _ request: UnsafePointer<CChar>, _ names: UnsafePointer<UnsafePointer<CChar>?>?,
  _ tensors: UnsafePointer<OpaquePointer?>?, _ count: Int32, _ take: lerobot_wm_take, _ taker: UnsafeMutableRawPointer?
) {
  // Owned from here on, whatever else is wrong.
  let given = (0..<Int(count)).map { index in
    (names?[index].map { String(cString: $0) } ?? "", tensors?[index].map(Tensor.init(owning:)))
  }
  answer(take, taker) {
    let name = String(cString: function)
    guard let function = CoreFunction(rawValue: name) else { throw Failure("the core has no function \(name)") }
    var request = CoreRequest(json: try JSON(parsing: String(cString: request)))
    for (name, tensor) in given { request.tensors[name] = tensor }
    return try function(request)
  }
}

/// `lerobot_wm_observe`.
@_cdecl("lerobot_wm_observe")
public func observeEnvironment(
  _ environment: Int64, _ images: UnsafeMutablePointer<UInt8>, _ imageBytes: Int64,
  _ state: UnsafeMutablePointer<Float>, _ stateCount: Int64, _ take: lerobot_wm_take, _ taker: UnsafeMutableRawPointer?
) {
  answer(take, taker) {
    try CoreEnvironment.held(Int(environment)).observe(
      images: UnsafeMutableBufferPointer(start: images, count: Int(imageBytes)),
      state: UnsafeMutableBufferPointer(start: state, count: Int(stateCount)))
    return CoreAnswer()
  }
}

/// `lerobot_wm_release`.
@_cdecl("lerobot_wm_release")
public func releaseObject(_ object: Int64) { CoreObject.release(Int(object)) }

private func answer(
  _ take: lerobot_wm_take, _ taker: UnsafeMutableRawPointer?, _ body: () throws -> CoreAnswer
) {
  do {
    let answer = try body()
    let tensors = Array(answer.tensors.values)
    withExtendedLifetime(tensors) {
      take(taker, answer.text, tensors.map { Optional($0.handle) }, Int32(tensors.count))
    }
  } catch {
    take(taker, message(of: error), nil, -1)
  }
}
