extension ReportPage {
  /// The page's look: the reader's own fonts, light or dark as the reader's system is, and colors (after Okabe and Ito)
  /// that color-blind readers tell apart.
  static let style: HTML = """
    :root {
      --ink: #1c2024; --muted: #667079; --paper: #fff; --panel: #f6f7f9; --line: #e2e6ea; --axis: #9aa4ad;
      --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #b0568f; --c4: #8a6d00; --c5: #3f8fc4;
      --cx: #b0568f; --cr: #7c868f; --good: #00785a; --bad: #b34700; --warn: #fff6e0; --warnline: #e8c56a;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --ink: #e6e9ec; --muted: #98a2ab; --paper: #14171a; --panel: #1d2125; --line: #2d3339; --axis: #66717b;
        --c0: #5ab4ec; --c1: #f58a3c; --c2: #2cc79b; --c3: #e08fc0; --c4: #e0c04a; --c5: #9ad0f2;
        --cx: #e08fc0; --cr: #a0aab3; --good: #3fd0a6; --bad: #f59a5a; --warn: #2b2617; --warnline: #7a6631;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0; background: var(--paper); color: var(--ink);
      font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
    }
    main { max-width: 1100px; margin: 0 auto; padding: 56px 28px 96px; }
    h1 { font-size: 34px; line-height: 1.2; letter-spacing: -0.02em; margin: 0 0 14px; }
    h2 { font-size: 22px; letter-spacing: -0.01em; margin: 0 0 16px; }
    h3 { font-size: 16px; margin: 32px 0 10px; }
    h4 { font-size: 14px; margin: 16px 0 4px; color: var(--muted); font-weight: 500; }
    section { margin-top: 60px; }
    p { margin: 0 0 12px; max-width: 860px; }
    .lead { font-size: 18px; color: var(--muted); }
    .muted { color: var(--muted); font-size: 14px; font-weight: 400; }
    section > p.muted, .scroll + p.muted { margin-top: 12px; }
    .note { background: var(--warn); border-left: 4px solid var(--warnline); border-radius: 6px; padding: 14px 18px; }
    .warn p { margin: 0 0 4px; } .warn ul + p { margin-top: 12px; }
    .warn ul { margin: 0; padding-left: 20px; font-size: 14.5px; overflow-wrap: anywhere; }
    .tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(180px, 1fr)); gap: 14px; margin-top: 32px; }
    .tile { background: var(--panel); border-radius: 10px; padding: 16px 18px 14px; border-top: 4px solid var(--axis); }
    .tile .name { font-size: 14px; font-weight: 600; white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
    .tile .figure { font-size: 38px; font-weight: 650; letter-spacing: -0.03em; line-height: 1.25;
      font-variant-numeric: tabular-nums; }
    .tile .figure span { font-size: 20px; font-weight: 400; margin-left: 3px; letter-spacing: 0; color: var(--muted); }
    .tile .muted { font-variant-numeric: tabular-nums; }
    .tile.c0 { border-color: var(--c0); } .tile.c1 { border-color: var(--c1); } .tile.c2 { border-color: var(--c2); }
    .tile.c3 { border-color: var(--c3); } .tile.c4 { border-color: var(--c4); } .tile.c5 { border-color: var(--c5); }
    .tile.cx { border-color: var(--cx); } .tile.cr { border-color: var(--cr); }
    .findings { margin: 0; padding-left: 20px; max-width: 900px; } .findings li { margin-bottom: 10px; }
    .scroll { overflow-x: auto; }
    table { border-collapse: collapse; width: 100%; font-size: 15px; }
    th { text-align: left; font-weight: 500; font-size: 13px; color: var(--muted); vertical-align: bottom; }
    th, td { padding: 9px 16px 9px 0; border-bottom: 1px solid var(--line); }
    td { vertical-align: middle; } th:last-child, td:last-child { padding-right: 0; }
    .n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
    .minor td { font-size: 13.5px; color: var(--muted); padding-top: 3px; padding-bottom: 3px; } .seed { padding-left: 22px; }
    .refused { color: var(--bad); }
    th.plot, td.plot { width: 260px; min-width: 200px; padding-top: 0; padding-bottom: 0; }
    svg { display: block; width: 100%; height: auto; overflow: visible; }
    svg text { fill: var(--muted); font-size: 12px; font-variant-numeric: tabular-nums; }
    .dots text { font-size: 11px; } .grid { stroke: var(--line); } .axis { stroke: var(--axis); }
    .whisker { stroke-width: 3; stroke-linecap: round; opacity: 0.55; } .whisker.small { stroke-width: 2; }
    .dot { stroke: var(--paper); stroke-width: 1.5; } .small { opacity: 0.7; }
    .line { fill: none; stroke-width: 2.2; stroke-linejoin: round; stroke-linecap: round; }
    .raw { fill: none; stroke-width: 1; opacity: 0.28; stroke-linejoin: round; }
    .dash1 { stroke-dasharray: 7 5; } .dash2 { stroke-dasharray: 1.5 5; }
    .line.c0, .raw.c0, .whisker.c0 { stroke: var(--c0); } .dot.c0 { fill: var(--c0); }
    .line.c1, .raw.c1, .whisker.c1 { stroke: var(--c1); } .dot.c1 { fill: var(--c1); }
    .line.c2, .raw.c2, .whisker.c2 { stroke: var(--c2); } .dot.c2 { fill: var(--c2); }
    .line.c3, .raw.c3, .whisker.c3 { stroke: var(--c3); } .dot.c3 { fill: var(--c3); }
    .line.c4, .raw.c4, .whisker.c4 { stroke: var(--c4); } .dot.c4 { fill: var(--c4); }
    .line.c5, .raw.c5, .whisker.c5 { stroke: var(--c5); } .dot.c5 { fill: var(--c5); }
    .whisker.cx { stroke: var(--cx); } .dot.cx { fill: var(--cx); }
    .whisker.cr { stroke: var(--cr); } .dot.cr { fill: var(--cr); }
    figure { margin: 0; }
    .charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(440px, 100%), 1fr)); gap: 36px 32px;
      margin-bottom: 20px; }
    .chart figcaption { margin-bottom: 8px; }
    .legend { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; margin: 8px 0 0; padding: 0 0 0 48px;
      font-size: 13px; }
    .legend li { display: flex; align-items: center; gap: 7px; } .legend svg { width: 26px; }
    .videos { display: grid; grid-template-columns: repeat(auto-fill, minmax(230px, 1fr)); gap: 26px 22px; margin-bottom: 20px; }
    .video video { width: 100%; display: block; border-radius: 8px; background: var(--panel); aspect-ratio: 1; }
    .video figcaption { font-size: 14px; margin-top: 8px; line-height: 1.45; overflow-wrap: anywhere; }
    .video figcaption > * { display: block; }
    .strip { display: grid; grid-template-columns: repeat(3, 1fr); gap: 4px; } .strip img { width: 100%; border-radius: 4px; }
    .broken { background: var(--panel); border-radius: 8px; padding: 14px; font-size: 14px; overflow-wrap: anywhere; }
    .told { font-style: italic; } .good { color: var(--good); } .bad { color: var(--bad); }
    .settings { font-size: 14px; } .settings th, .settings td { padding-top: 6px; padding-bottom: 6px; }
    .settings td:first-child { width: 200px; color: var(--muted); white-space: nowrap; } .settings td + td, .settings th + th { padding-left: 12px; border-left: 1px solid var(--line); }
    .settings th { border-left-color: transparent !important; }
    details { border-bottom: 1px solid var(--line); padding: 8px 0; } summary { cursor: pointer; font-weight: 600; }
    pre { background: var(--panel); border-radius: 8px; padding: 14px; font-size: 12.5px; line-height: 1.5; overflow: auto;
      max-height: 420px; margin: 0; }
    @media print { main { padding: 0; } .video video { break-inside: avoid; } }
    """
}
