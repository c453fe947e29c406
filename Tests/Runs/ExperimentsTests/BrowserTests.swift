import Experiments
import Foundation
import MediaCoding
import ModelFiles
import TestSupport
import Testing

/// The report as a reader's browser shows it.
@Suite(.enabled(if: Chromium.isInstalled, Comment(rawValue: Chromium.hint)), .serialized)
struct BrowserTests {
  /// A matrix with hostile and long names, many tasks, and films.
  private func page(tasks: [String], seeds: [Int]) throws -> (FixtureMatrix, URL) {
    let matrix = try FixtureMatrix(seeds: seeds, tasks: tasks, episodes: 6)
    try matrix.video(
      codec: try .forViewing(), seeds.map { "E0_seed\($0)/eval" } + ["E1_seed0/eval", "E2_seed0/eval"],
      tasks: Array(tasks.prefix(1)), episodes: 6)
    try matrix.write(matrix.report(title: "Tasks \(tasks.count)", isDemonstration: true).html(), "page.html")
    return (matrix, matrix("page.html"))
  }

  private static let long = "KITCHEN_SCENE10_close_the_top_drawer_of_the_cabinet_and_put_the_black_bowl_on_top_of_it"

  @Test func `nothing is cut off or complained of, at any width and in both color schemes`() throws {
    let browser = try Chromium()
    for (tasks, seeds) in [(["push_left"], [0, 1, 2]), ((0..<40).map { "\(Self.long)_\($0)" }, [0])] {
      let (matrix, url) = try page(tasks: tasks, seeds: seeds)
      for width in [1280, 390] {
        for isDark in [false, true] {
          try browser.open(url, width: width, isDark: isDark)
          let place = "\(tasks.count) tasks, \(width) pixels, \(isDark ? "dark" : "light")"
          #expect(browser.complaints == [], "\(place)")
          let room = try browser.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
          #expect(room == true, "\(place)")
          // Whatever is wider than the window lies in a box that scrolls.
          let cut = try browser.evaluate(
            """
            [...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1
              && !e.closest('.scroll, pre, .films, svg, video, details:not([open])')).map(e => e.outerHTML.slice(0, 90)).join('\\n')
            """)
          #expect(cut == "", "\(place)")
          let paper = try browser.evaluate("getComputedStyle(document.body).backgroundColor")
          #expect(paper == (isDark ? "rgb(20, 23, 26)" : "rgb(255, 255, 255)"), "\(place)")
          if let folder = ProcessInfo.processInfo.environment["WM_REPORT_SAMPLE"] {
            let name = "tasks\(tasks.count)_\(width)_\(isDark ? "dark" : "light").png"
            try browser.screenshot(to: URL(fileURLWithPath: folder).appendingPathComponent(name))
          }
        }
      }
      withExtendedLifetime(matrix) {}
    }
  }

  @Test func `on a phone the arm and its rate are legible, and a wide table keeps its first column`() throws {
    let (matrix, url) = try page(tasks: ["push_left", "push_right"], seeds: [0, 1, 2])
    let browser = try Chromium()
    try browser.open(url, width: 390)
    // No word of the success table stands alone in a column of a few letters.
    let narrowest = try browser.evaluate(
      "Math.min(...[...document.querySelectorAll('#success .name')].map(e => e.getBoundingClientRect().width))")
    #expect(try #require(narrowest.double) > 300)
    let text = try browser.evaluate(
      "Math.min(...[...document.querySelectorAll('main :is(td, th, li, p, span, text)')].filter(e => e.textContent.trim() && e.checkVisibility()).map(e => parseFloat(getComputedStyle(e).fontSize)))"
    )
    #expect(try #require(text.double) >= 11)
    let sticky = try browser.evaluate(
      """
      (() => { const box = document.querySelector('.scroll'); box.scrollLeft = 500;
        return box.scrollLeft > 0 && Math.abs(box.querySelector('tbody th').getBoundingClientRect().left - box.getBoundingClientRect().left) < 3;
      })()
      """)
    #expect(sticky == true)
    withExtendedLifetime(matrix) {}
  }

  @Test func `on a phone every figure of an ablation is in sight, with its name and a scale`() throws {
    let matrix = try FixtureMatrix(tasks: ["push_left"])
    for name in ["zero", "garbled_instruction", "state_noise.0.5"] {
      let folder = "E2_seed0/eval/ablations/\(name)"
      try matrix.evaluation(folder, matrix.outcomes(0.3, ["push_left"], 20, salt: name))
      try matrix.set("\(folder)/eval_info.json", ["protocol", "ablation"], to: .string(name))
      try matrix.set("\(folder)/eval_info.json", ["protocol", "model_sha256"], to: "one checkpoint")
    }
    try matrix.set("E2_seed0/eval/eval_info.json", ["protocol", "model_sha256"], to: "one checkpoint")
    try matrix.write(matrix.report().html(), "page.html")
    let browser = try Chromium()
    try browser.open(matrix("page.html"), width: 390)
    let cells = "[...document.querySelectorAll('#ablations tbody tr:not(:first-child) td')]"
    let hidden = try browser.evaluate(
      """
      \(cells).map(e => e.getBoundingClientRect()).filter(r => r.width == 0 || r.left < 0 || r.right > innerWidth).length
      """)
    #expect(hidden == 0)
    #expect(try browser.evaluate("\(cells).length") == 21)
    let unnamed = "\(cells).filter(e => e.classList.contains('n') && !e.dataset.label).length"
    #expect(try browser.evaluate(unnamed) == 0)
    let scales = "[...document.querySelectorAll('.cards .plot .scale')]"
    #expect(try browser.evaluate("\(scales).every(e => e.checkVisibility())") == true)
    try browser.open(matrix("page.html"), width: 1280)
    #expect(try browser.evaluate("\(scales).some(e => e.checkVisibility())") == false)
    withExtendedLifetime(matrix) {}
  }

  @Test func `where nothing succeeds the axis still shows percent, and curves on one another are named`() throws {
    let matrix = try FixtureMatrix(seeds: [0, 1], tasks: ["push_left"])
    for arm in ["E0", "E1", "E2"] {
      for seed in [0, 1] {
        try matrix.evaluation("\(arm)_seed\(seed)/eval", [("push_left", [Bool](repeating: false, count: 20))])
      }
    }
    try matrix.write(matrix.report().html(), "page.html")
    let browser = try Chromium()
    try browser.open(matrix("page.html"), width: 390)
    let chart = "[...document.querySelectorAll('figure')].find(e => e.innerText.includes('Time to success'))"
    let ticks = try browser.evaluate("[...\(chart).querySelectorAll('.y span')].map(e => e.innerText).join()")
    #expect(ticks == "0,20,40,60,80,100")
    #expect(
      try browser.evaluate("\(chart).querySelector('.coincide').innerText")
        == "The curves of E0, E1 and E2 coincide: none is missing, they lie on each other.")
    // Each of the three lies at the bottom of the drawing, within it.
    #expect(try browser.evaluate("\(chart).querySelectorAll('polyline.line').length") == 3)
    let success = try #require(try browser.evaluate("document.querySelector('#success table').innerText").string)
    #expect(success.contains("0.0 % SD of seeds 0.0"), "\(success)")
    withExtendedLifetime(matrix) {}
  }

  @Test func `films show their first frame before they play, lie beside each other, and play together`() throws {
    let (matrix, url) = try page(tasks: ["push_left"], seeds: [0])
    let browser = try Chromium()
    try browser.open(url, width: 1280)
    let films = "[...document.querySelector('.films').querySelectorAll('video')]"
    #expect(try browser.evaluate("\(films).length") == 3)
    #expect(try browser.evaluate("\(films).every(f => f.poster.startsWith('data:image/jpeg'))") == true)
    #expect(try browser.evaluate("new Set(\(films).map(f => f.getBoundingClientRect().top)).size") == 1)
    #expect(
      try browser.evaluate("\(films).every(f => getComputedStyle(f).imageRendering === 'pixelated')") == true)
    try browser.evaluate("document.querySelector('.playall').click()")
    try browser.wait(for: "\(films).every(f => !f.paused && f.currentTime > 0)")
    try browser.evaluate("document.querySelector('.playall').click()")
    #expect(try browser.evaluate("\(films).every(f => f.paused)") == true)
    #expect(browser.complaints == [])
    withExtendedLifetime(matrix) {}
  }

  @Test func `a name in a data file runs nothing`() throws {
    let attack = "<script>document.title='run'</script><img src=x onerror=\"document.title='run'\">"
    let matrix = try FixtureMatrix(tasks: [attack, "b"], episodes: 4)
    try matrix.write(matrix.report(title: "Quiet \(attack)").html(), "page.html")
    let browser = try Chromium()
    try browser.open(matrix("page.html"), width: 1280)
    #expect(try browser.evaluate("document.title") == .string("Quiet \(attack)"))
    #expect(try browser.evaluate("document.scripts.length") == 1)
    #expect(try browser.evaluate("document.querySelectorAll('[onerror]').length") == 0)
    // Markup that got in all the same would be refused by the page's policy.
    try browser.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"document.title=1\">')")
    #expect(try browser.evaluate("document.title") == .string("Quiet \(attack)"))
    withExtendedLifetime(matrix) {}
  }
}
