import Experiments
import Testing

struct MatrixJobTests {
  @Test func `go over the GPUs in turn, all arms of a seed before the next seed`() {
    let jobs = MatrixJob.all([.baseline, .zeroMemory, .predictedMemory], seeds: [0, 7], gpus: ["2", "5"])
    #expect(jobs.map(\.name) == ["E0_seed0", "E1_seed0", "E2_seed0", "E0_seed7", "E1_seed7", "E2_seed7"])
    #expect(jobs.map(\.gpu) == ["2", "5", "2", "5", "2", "5"])
  }

  @Test(arguments: [(false, "GPU 3"), (true, "CPU slot 3")])
  func `name the GPU or the CPU slot that they run on`(isOnCPU: Bool, place: String) {
    #expect(MatrixJob.all([.baseline], seeds: [0], gpus: ["3"], isOnCPU: isOnCPU).map(\.place) == [place])
  }

  /// ROCm renumbers the GPUs that ROCR_VISIBLE_DEVICES leaves, and HIP counts those.
  @Test(arguments: ["3", "GPU-4b2c1a9f8d3e6f7a"]) func `see one GPU, under ROCm and CUDA`(gpu: String) {
    let jobs = MatrixJob.all([.baseline], seeds: [0], gpus: [gpu])
    let variables = Dictionary(
      uniqueKeysWithValues: jobs.flatMap { $0.visibility.variables.map { ($0.name, $0.value) } })
    #expect(
      variables == ["ROCR_VISIBLE_DEVICES": gpu, "HIP_VISIBLE_DEVICES": "0", "CUDA_VISIBLE_DEVICES": gpu])
  }
}
