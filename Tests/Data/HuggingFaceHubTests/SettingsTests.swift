import Foundation
import Testing

@testable import HuggingFaceHub

struct SettingsTests {
  private func settings(_ environment: [String: String]) -> HubSettings {
    HubSettings(environment: environment.merging(["HOME": "/home/u"]) { given, _ in given })
  }

  @Test func `caches lie where huggingface_hub, transformers and LeRobot put them`() {
    var settings = settings([:])
    #expect(settings.modelCache.path == "/home/u/.cache/huggingface/hub")
    #expect(settings.lerobotHome.path == "/home/u/.cache/huggingface/lerobot")
    #expect(settings.endpoint == "https://huggingface.co")
    settings = self.settings(["XDG_CACHE_HOME": "/x"])
    #expect(settings.datasetCache.path == "/x/huggingface/hub")
    settings = self.settings(["HF_HOME": "~/h", "TRANSFORMERS_CACHE": "/t", "HF_ENDPOINT": "http://mirror/"])
    #expect(settings.modelCache.path == "/t" && settings.datasetCache.path == "/home/u/h/hub")
    #expect(settings.lerobotHome.path == "/home/u/h/lerobot" && settings.endpoint == "http://mirror")
    settings = self.settings([
      "HF_HOME": "/h", "HF_HUB_CACHE": "/c", "TRANSFORMERS_CACHE": "/t", "HF_LEROBOT_HOME": "/l",
    ])
    #expect(settings.modelCache.path == "/c" && settings.datasetCache.path == "/c" && settings.lerobotHome.path == "/l")
  }

  @Test(arguments: [
    ("1", true), ("ON", true), ("yes", true), ("True", true), ("0", false), ("", false), ("off", false),
  ])
  func `offline is what huggingface_hub takes for it`(_ text: String, _ isOffline: Bool) {
    #expect(settings(["HF_HUB_OFFLINE": text]).isOffline == isOffline)
  }

  @Test func `the token comes from the environment, else from its file`() throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("token-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data("hf_file\n".utf8).write(to: folder.appendingPathComponent("token"))
    #expect(settings(["HF_HOME": folder.path]).token == HubToken("hf_file"))
    #expect(settings(["HF_HOME": folder.path, "HF_TOKEN": " hf_given "]).token == HubToken("hf_given"))
    #expect(settings(["HF_TOKEN_PATH": folder.appendingPathComponent("token").path]).token == HubToken("hf_file"))
    #expect(settings([:]).token == nil)
    #expect(HubToken("two\r\nlines: of a header") == nil)
  }

  @Test(arguments: ["gpt2", "lerobot/smolvla_base", "a/b.c-d_e", "HuggingFaceTB/SmolVLM2-500M-Video-Instruct"])
  func `names of repositories are known`(_ name: String) { #expect(HubRepository.isName(name)) }

  @Test(arguments: [
    "", "/", "a/", "/b", "a/b/c", "../b", "a/..", "a--b/c", "a/.b", "a b/c", "a/b\n", "~/x", "ä/b", "a/b?x",
  ])
  func `other texts are none`(_ name: String) { #expect(!HubRepository.isName(name)) }
}
