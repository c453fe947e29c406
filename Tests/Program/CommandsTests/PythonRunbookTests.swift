import Foundation
import ModelFiles
import TestSupport
import Testing

/// The runbook in a Python environment with LeRobot, in whose `bin` folder `WM_CONSOLE_SCRIPTS` lets all commands be found.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["WM_CONSOLE_SCRIPTS"] != nil))
struct PythonRunbookTests {
  private static let small = [
    "--policy.device=cpu", "--batch_size=2", "--steps=2", "--num_workers=0", "--log_freq=1",
    "--policy.push_to_hub=true", "--policy.repo_id=user/trained",
  ]

  @Test func `works with LeRobot's own training, from the hub and back to it`() throws {
    var folder = try RunbookFolder()
    defer { folder.remove() }
    folder.environment = [
      "PYTHONPATH": Program.checkout.appendingPathComponent("python/tests/loopback").path, "OMP_NUM_THREADS": "1",
      // The tests' hub takes uploads through LFS.
      "HF_HUB_DISABLE_XET": "1", "HF_LEROBOT_HOME": folder.file("huggingface/lerobot").path,
    ]
    let precompute = RunbookTests.precompute.replacing(
      "lerobot-wm-precompute", with: "python -m world_modality.precompute_world_latents")
    try folder.run(precompute, ["--device=cpu", "--num_compute_threads=1"])
    #expect(folder.file("cache/HuggingFaceVLA/libero").names().contains("train_world_latents_vjepa_m4.fp16.npy"))

    let train = RunbookTests.world.replacing("lerobot-wm-train", with: "lerobot-train")
    try folder.run(train, Self.small + RunbookTests.worldSizes)
    let run = folder.file("outputs/train/libero_smolvla_world_seed0/checkpoints/last/pretrained_model")
    let config = try JSON(contentsOf: run.appendingPathComponent("config.json"))
    // The sizes are those of the policy that the run started from, as the program takes them.
    #expect(config["chunk_size"] == 6 && config["load_vlm_weights"] == true && config["lerobot_version"] == "0.6")
    let uploaded = try #require(folder.hub.files(.model, "user/trained"))
    #expect(uploaded["model.safetensors"] == (try run.appendingPathComponent("model.safetensors").bytes()))
    #expect(uploaded.keys.contains("policy_preprocessor.json") && uploaded.keys.contains("world_latents.json"))

    // What LeRobot uploaded is fetched and continued here.
    let continued = RunbookTests.world.replacing("--policy.type=smolvla_world", with: "--policy.path=user/trained")
      .replacing("--policy.init_from_policy_path=lerobot/smolvla_base", with: "")
      .replacing("smolvla_world_seed0", with: "continued")
    try folder.run(
      continued,
      ["--policy.device=cpu", "--batch_size=2", "--steps=1", "--num_compute_threads=1", "--num_workers=0"]
        + RunbookTests.worldSizes)
  }
}
