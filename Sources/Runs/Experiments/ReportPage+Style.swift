extension ReportPage {
  /// The page's look: the reader's own fonts, light or dark as the reader's system is, as wide as the screen.
  static let style = HTML(stringLiteral: variables + arms + layout + figures + narrow)

  private static let variables = """
    :root { \(Palette.light.css) --cr: var(--axis); }
    @media (prefers-color-scheme: dark) { :root { \(Palette.dark.css) } }

    """

  /// An arm's color and kind of line, wherever it is drawn.
  private static let arms = """
    \((Palette.light.arms.indices.map { "c\($0)" } + ["cr"]).map(colorRule).joined())
    .line, .faint, .whisker, .part { stroke: var(--arm); }
    .line, .faint { fill: none; stroke-linejoin: round; vector-effect: non-scaling-stroke; }
    .line { stroke-width: 2.2; stroke-linecap: butt; }
    .line.k1 { stroke-dasharray: 10 7; } .line.k2 { stroke-dasharray: 3 7; } .line.k3 { stroke-dasharray: 12 4 3 4; }
    .faint { stroke-width: 1; opacity: 0.4; }
    .band { fill: var(--arm); opacity: 0.16; }
    .mark { fill: none; stroke: var(--arm); stroke-width: 7; stroke-linecap: round; vector-effect: non-scaling-stroke; }
    .whisker { stroke-width: 3; stroke-linecap: round; opacity: 0.6; } .whisker.small { stroke-width: 2; }
    .dot { fill: var(--arm); stroke: var(--paper); stroke-width: 1.5; }
    .dot.hollow { fill: var(--paper); stroke: var(--arm); stroke-width: 2; } .part { stroke-width: 2; }
    .tile { border-top: 4px solid var(--arm); } .tile.hollow { border-top-style: double; }

    """

  private static func colorRule(_ name: String) -> String {
    """
    .\(name) { --arm: var(--\(name)); }

    """
  }

  private static let layout = """
    * { box-sizing: border-box; }
    body {
      margin: 0; background: var(--paper); color: var(--ink);
      font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
    }
    .live { overflow-anchor: none; }
    main { max-width: 1100px; margin: 0 auto; padding: 28px 28px 96px; overflow-wrap: break-word; }
    nav { display: flex; flex-wrap: wrap; gap: 4px 18px; font-size: 14px; align-items: baseline; } nav p { margin: 0 0 0 auto; }
    a { color: var(--link); } nav a { text-decoration: none; } nav a:hover { text-decoration: underline; }
    h1 { font-size: clamp(26px, 5vw, 34px); line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 14px; }
    h2 { font-size: 22px; letter-spacing: -0.01em; margin: 0 0 16px; }
    h3 { font-size: 16px; margin: 32px 0 10px; }
    h4 { font-size: 14px; margin: 16px 0 4px; color: var(--muted); font-weight: 500; }
    section { margin-top: 56px; scroll-margin-top: 12px; } section:first-of-type { margin-top: 32px; }
    p { margin: 0 0 12px; max-width: 860px; }
    .lead { font-size: 18px; color: var(--muted); }
    .muted { color: var(--muted); font-size: 14px; font-weight: 400; }
    table + p.muted, .scroll + p.muted, .tasks + p.muted { margin-top: 12px; }
    .arms { list-style: none; margin: 0 0 16px; padding: 0; } .arms .key svg { width: 34px; display: inline-block; margin-right: 10px; vertical-align: middle; }
    .note { background: var(--warn); border-left: 4px solid var(--warnline); border-radius: 6px; padding: 14px 18px; }
    .warn p { margin: 0 0 4px; } .warn ul + p { margin-top: 12px; }
    .warn ul { margin: 0; padding-left: 20px; font-size: 14.5px; overflow-wrap: anywhere; }
    .verdicts { list-style: none; margin: 0; padding: 0; display: grid; gap: 10px; }
    .verdicts li { background: var(--panel); border-radius: 10px; padding: 14px 18px; font-size: 15px; }
    .verdicts li b { display: block; font-size: 18px; line-height: 1.4; margin-bottom: 4px; }
    .findings { margin: 0; padding-left: 20px; max-width: 900px; } .findings li { margin-bottom: 10px; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; margin: 20px 0; }
    .tile { background: var(--panel); border-radius: 10px; padding: 12px 14px; min-width: 0; }
    .tile .name { font-size: 14px; font-weight: 600; line-height: 1.35; display: -webkit-box; -webkit-line-clamp: 3;
      -webkit-box-orient: vertical; overflow: hidden; } .tile .name .muted, .tile .muted { font-size: 13px; }
    .tile .figure { font-size: 32px; font-weight: 650; letter-spacing: -0.03em; line-height: 1.3; }
    .tile .figure span { font-size: 18px; font-weight: 400; margin-left: 3px; letter-spacing: 0; color: var(--muted); }
    .tile, .n, svg text { font-variant-numeric: tabular-nums; }
    /* A table that is wider than the screen scrolls in its own box; shadows at its ends say so. */
    .scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px;
      background: linear-gradient(to right, var(--paper) 30%, transparent) left / 40px 100% no-repeat local,
        linear-gradient(to left, var(--paper) 30%, transparent) right / 40px 100% no-repeat local,
        linear-gradient(to right, var(--axis), transparent) left / 10px 100% no-repeat scroll,
        linear-gradient(to left, var(--axis), transparent) right / 10px 100% no-repeat scroll; }
    table { border-collapse: collapse; width: 100%; font-size: 15px; }
    th { text-align: left; font-weight: 500; font-size: 13px; color: var(--muted); vertical-align: bottom; }
    th, td { padding: 9px 16px 9px 0; border-bottom: 1px solid var(--line); }
    td { vertical-align: middle; } th:last-child, td:last-child { padding-right: 0; }
    .n { text-align: right; white-space: nowrap; }
    .minor td { font-size: 13.5px; color: var(--muted); padding-top: 3px; padding-bottom: 3px; } .seed { padding-left: 22px; }
    .scale { display: none; } .refused { color: var(--bad); }
    th.plot, td.plot { width: 26%; min-width: 180px; padding-top: 0; padding-bottom: 0; }
    .settings { font-size: 14px; } .settings th, .settings td { padding: 6px 12px; border-left: 1px solid var(--line); }
    .settings tbody th { position: sticky; left: 0; background: var(--paper); font-size: 14px; vertical-align: top; border-left: 0;
      min-width: 130px; max-width: 220px; }
    .settings td { overflow-wrap: anywhere; min-width: 110px; } .settings tr:last-child > * { border-bottom: 0; }
    details { border-bottom: 1px solid var(--line); padding: 8px 0; } summary { cursor: pointer; font-weight: 600; }
    pre { background: var(--panel); border-radius: 8px; padding: 14px; font-size: 12.5px; line-height: 1.5; overflow: auto;
      max-height: 420px; margin: 0; }
    #provenance pre, .commands code { white-space: pre-wrap; overflow-wrap: anywhere; } code { font-size: 13px; }
    .downloads { padding-left: 20px; }

    """

  private static let figures = """
    svg { display: block; width: 100%; overflow: visible; }
    svg text { fill: var(--muted); font-size: 11.5px; }
    .grid, .axis { vector-effect: non-scaling-stroke; } .grid { stroke: var(--line); } .axis { stroke: var(--axis); }
    figure { margin: 0; min-width: 0; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); gap: 32px; margin: 24px 0 20px; }
    .chart { max-width: 640px; } .chart figcaption { margin-bottom: 10px; }
    .axes { display: grid; grid-template: 220px 22px auto / 48px 1fr; font-size: 12px; color: var(--muted); margin-right: 10px; }
    .axes svg { grid-area: 1 / 2; height: 220px; } .axes .y { position: relative; } .axes .x { grid-area: 2 / 2; position: relative; }
    .axes .y span { position: absolute; right: 8px; transform: translateY(50%); line-height: 1; }
    .axes .x span { position: absolute; top: 5px; transform: translateX(-50%); line-height: 1; }
    .axisname { grid-area: 3 / 2; text-align: center; font-size: 12.5px; }
    .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; padding: 0 0 0 48px; font-size: 13px; }
    .legend li { display: flex; align-items: center; gap: 7px; } .legend svg { width: 34px; flex: none; }
    .coincide { padding-left: 48px; margin: 4px 0 0; font-size: 13px; }
    .tasks { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(320px, 100%), 1fr)); gap: 14px 32px; }
    .task h4 { margin: 8px 0 0; color: var(--ink); overflow-wrap: anywhere; }
    .lines { display: grid; grid-template-columns: minmax(28px, max-content) 1fr max-content; gap: 0 8px; align-items: center; font-size: 13px; }
    .lines .muted { font-size: 12.5px; } .lines .arm { max-width: 90px; overflow-wrap: anywhere; line-height: 1.2; }
    .episode { margin: 0 0 26px; } .about { margin-bottom: 8px; }
    .films { display: grid; grid-auto-flow: column; grid-auto-columns: minmax(100px, 240px); gap: 10px; overflow-x: auto; }
    .film video { width: 100%; display: block; border-radius: 6px; background: var(--panel); image-rendering: pixelated; cursor: pointer; }
    .film figcaption { font-size: 13.5px; margin-top: 6px; line-height: 1.4; overflow-wrap: anywhere; }
    .playall { font: inherit; font-size: 13px; color: var(--link); background: var(--panel); border: 1px solid var(--line);
      border-radius: 6px; padding: 2px 10px; margin-left: 8px; cursor: pointer; }
    .strip { display: grid; grid-template-columns: repeat(3, 1fr); gap: 4px; }
    .strip img { width: 100%; border-radius: 4px; image-rendering: pixelated; }
    .frames { display: flex; gap: 4px; overflow-x: auto; margin: 0 0 8px; } .frames img { height: 96px; flex: none; border-radius: 4px; }
    .facts th { width: 190px; font-size: 14px; vertical-align: top; } .facts td { overflow-wrap: anywhere; }
    .broken { background: var(--panel); border-radius: 8px; padding: 14px; font-size: 14px; overflow-wrap: anywhere; margin: 0; }
    .told { font-style: italic; } .good { color: var(--good); } .bad { color: var(--bad); }

    """

  /// On a phone each row of a table is a card of its own.
  private static let narrow = """
    @media (max-width: 640px) {
      main { padding: 16px 16px 64px; }
      .cards, .cards tbody { display: block; } .cards thead { display: none; }
      .cards tr { display: flex; flex-wrap: wrap; gap: 2px 18px; padding: 10px 0; border-bottom: 1px solid var(--line); }
      .cards td { border: 0; padding: 0; text-align: left; } .cards .name, .cards .plot, .cards .refused { flex: 0 0 100%; width: 100%; }
      .cards .scale { display: block; } .cards .seed { padding-left: 0; } .cards .n div { display: inline; }
      .cards td[data-label]::before { content: attr(data-label) ' '; color: var(--muted); font-size: 13px; }
      .axes { grid-template-columns: 40px 1fr; } .legend, .coincide { padding-left: 40px; }
      .tiles { grid-template-columns: 1fr 1fr; }
      .settings tbody th { min-width: 96px; max-width: 36vw; }
      .films { gap: 6px; grid-auto-columns: minmax(104px, 1fr); }
    }
    @media print { main { padding: 0; } nav, .playall { display: none; } .episode, .chart, .task { break-inside: avoid; } }
    """
}
