import Foundation

extension ReportPage {
  /// One row for each episode, with the arms beside each other.
  var videos: HTML {
    let videos = report.videos
    let chosen: HTML =
      videos.rows.isEmpty
      ? "<p>No episode that this page could show was filmed.</p>"
      : """
      \(videos.rows.map(row))
      <p class="muted">Chosen by a fixed rule: the first filmed episodes on which the arms disagree, of different tasks as far \
      as possible, then one on which they agree. They illustrate; how often each happens, the tables say.\(rest)</p>
      """
    return "\(disagreement)\(chosen)"
  }

  private var rest: String {
    let count = report.videos.leftOut
    return count == 0
      ? ""
      : " \(count) more chosen episode\(count == 1 ? " is" : "s are") not shown to keep this page small; their videos are in the "
        + "folders of the evaluations."
  }

  /// On how many episodes the arms disagree, and how those that were not filmed can be.
  private var disagreement: HTML {
    let videos = report.videos
    guard videos.paired > 0 else { return "" }
    let unfilmed = videos.unfilmed
    guard !videos.disputed.isEmpty else {
      return "<p>In all \(videos.paired) paired episodes every arm ended alike.</p>"
    }
    let filmed = videos.disputed.count - unfilmed.count
    let total = videos.disputed.count
    let lines = commands(unfilmed).map { line -> HTML in "<li><code>\(line)</code></li>" }
    let how: HTML =
      lines.isEmpty
      ? ""
      : """
      <details><summary>How to film the other\(unfilmed.count == 1 ? "" : "s")</summary><p>Each command plays an evaluation again, compares it with the \
      recorded one, and leaves its films where the next report finds them.</p><ul class="commands">\(lines)</ul></details>
      """
    return """
      <p>The arms disagree in <b>\(total)</b> of \(videos.paired) paired episodes; <b>\(filmed)</b> of these \
      \(filmed == 1 ? "was" : "were") filmed with every arm. An evaluation films the first episodes of each task, or those it \
      is told to.</p>
      \(how)
      """
  }

  /// The commands that film up to eight disputed episodes of the first seed that has some.
  private func commands(_ unfilmed: [PairedEpisode]) -> [String] {
    guard let film = report.filmingCommand, let seed = unfilmed.first?.seed else { return [] }
    let chosen = unfilmed.filter { $0.seed == seed }.spread(8)
    let numbers = Set(chosen.map(\.index)).sorted()
    let runs = chosen.flatMap { $0.plays.map(\.run) }.reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
    return runs.map { film("\($0)/eval/eval_info.json", "\($0)/\(RecordedRun.filmsFolder)", numbers) }
  }

  private func row(_ row: RolloutVideos.Row) -> HTML {
    let told: HTML = row.instruction.map { " <span class=\"told\">“\($0)”</span>" } ?? ""
    let numbered: HTML =
      row.title == "Controls"
      ? "" : "<span class=\"muted\">\(row.task) · episode&nbsp;\(row.index)</span>"
    return """
      <div class="episode">
      <div class="about"><b>\(row.title)</b> \(numbered)\(told) <button type="button" class="playall" hidden>▶ play all</button></div>
      <div class="films">\(row.films.map(film))</div>
      </div>
      """
  }

  private func film(_ film: RolloutVideos.Film) -> HTML {
    let episode = film.episode
    let result: HTML =
      episode.isSuccess
      ? "<span class=\"good\">✓ reached the goal</span>" : "<span class=\"bad\">✗ did not reach it</span>"
    let steps = episode.steps.map { " \($0)\u{A0}steps" } ?? ""
    let told: HTML = film.instruction.map { " <span class=\"told\">“\($0)”</span>" } ?? ""
    return """
      <figure class="film">\(film.content.map(content) ?? "<p class=\"broken\">not filmed</p>")
      <figcaption><b>\(film.player)</b> \(result)\(told)<span class="muted">\(steps)</span></figcaption></figure>
      """
  }

  private func content(_ content: RolloutVideos.Content) -> HTML {
    switch content {
    case .video(let bytes, let poster):
      let image: HTML = poster.map { " poster=\"\(HTML.data($0, "image/jpeg"))\"" } ?? ""
      return """
        <video controls muted loop playsinline preload="metadata"\(image) src="\(HTML.data(bytes, "video/mp4"))"></video>
        """
    case .frames(let images):
      return
        "<div class=\"strip\">\(images.map { image -> HTML in "<img alt=\"\" src=\"\(HTML.data(image, "image/png"))\">" })</div>"
    case .unreadable(let reason):
      return "<p class=\"broken\">This video cannot be shown: \(reason)</p>"
    }
  }
}
