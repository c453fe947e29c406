import Experiments
import LiberoSimulation
import LibTorch
import MediaCoding
import MuJoCoPhysics
import ParquetFiles

extension Checks {
  /// What this machine has for training and evaluation.
  mutating func machine() {
    _ = try? self("torch", found: \.self) {
      let torch = try TorchEngine.shared()
      let cards = torch.deviceCount == 0 ? "no GPU" : "GPUs: \(torch.deviceCount) (\(Hardware.accelerators))"
      return "\(torch.version), \(cards), \(torch.threadCount) threads of \(Hardware.processor)"
    }
    // Another version than the one this was built for does not open.
    _ = try? self("MuJoCo", found: \.self) { try PhysicsEngine.version }
    _ = try? self("drawing", found: \.self) {
      let model = try PhysicsModel(xml: "<mujoco><worldbody><camera name=\"front\"/></worldbody></mujoco>")
      _ = try Renderer(model, width: 16, height: 16)
      return GraphicsBackend.inUse ?? "unknown"
    }
    _ = try? self("images and videos", found: { "FFmpeg, libpng and libjpeg can be opened" }) {
      try MediaLibraries.open()
    }
    libero()
  }

  private mutating func libero() {
    let assets = Result { try LiberoAssets.installed(LiberoSettings.resolve()) }
    switch assets {
    case .success(let folder?): add([Check("LIBERO assets", .ok, folder.path)])
    case .success(nil):
      warn(
        "LIBERO assets",
        [
          "LIBERO's scene assets are not on this machine; the first use of LIBERO fetches \(LiberoAssets.repository), or name a folder of them "
            + "as 'assets:' in LIBERO's config.yaml"
        ])
    case .failure(let error): add([Check("LIBERO assets", .problem, "\(error)")])
    }
  }
}
