import Foundation

extension ReportPage {
  var videos: HTML {
    let videos = report.videos
    guard !videos.shown.isEmpty else {
      return "<section><h2>Rollouts</h2><p>No episode was recorded.</p></section>"
    }
    let rest: HTML =
      videos.leftOut == 0
      ? ""
      : " \(videos.leftOut) more are not shown to keep this page small; they are in the folders of the evaluations."
    return """
      <section><h2>Rollouts</h2>
      <div class="videos">\(videos.shown.map(video))</div>
      <p class="muted">Chosen by a fixed rule: the first recorded successes and failures of each arm. How often each \
      happens, the table above says.\(rest)</p></section>
      """
  }

  private func video(_ shown: RolloutVideos.Shown) -> HTML {
    let episode = shown.episode
    let result: HTML =
      episode.isSuccess
      ? "<span class=\"good\">✓ reached the goal</span>" : "<span class=\"bad\">✗ did not reach it</span>"
    let steps = episode.steps.map { " · \($0)\u{A0}steps" } ?? ""
    let told: HTML = shown.instruction.map { "<span class=\"told\">“\($0)”</span>" } ?? ""
    return """
      <figure class="video">\(content(shown.content))
      <figcaption><b>\(shown.arm)</b> \(told)<span class="muted">\(shown.task) · episode&nbsp;\(episode.index)\(steps)</span>\
      \(result)</figcaption></figure>
      """
  }

  private func content(_ content: RolloutVideos.Content) -> HTML {
    switch content {
    case .video(let bytes):
      let data = Data(bytes).base64EncodedString()
      return
        "<video controls muted loop playsinline preload=\"metadata\" src=\"data:video/mp4;base64,\(data)\"></video>"
    case .frames(let images):
      let images = images.map { image -> HTML in
        "<img alt=\"\" src=\"data:image/png;base64,\(Data(image).base64EncodedString())\">"
      }
      return "<div class=\"strip\">\(images)</div>"
    case .unreadable(let reason):
      return "<p class=\"broken\">This video cannot be shown: \(reason)</p>"
    }
  }
}
