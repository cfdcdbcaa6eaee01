"""The report's stylesheet: system fonts, light and dark, nothing from outside."""

STYLE = """
:root { color-scheme: light dark;
  --page: #fbfbf9; --card: #fff; --text: #1c1d1f; --soft: #63666b; --rule: #e4e3de;
  --c0: #1f6feb; --c1: #0f9d72; --c2: #c2571a; --c3: #8250df; --bar: #5b8def; --mark: #c2571a; }
@media (prefers-color-scheme: dark) { :root {
  --page: #141518; --card: #1c1e22; --text: #e8e8e6; --soft: #9a9da3; --rule: #303339;
  --c0: #6ea8fe; --c1: #4fd1a5; --c2: #f0975a; --c3: #b794f6; --bar: #4f7fd6; --mark: #f0975a; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text);
  font: 16px/1.55 ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%; }
main { max-width: 1040px; margin: 0 auto; padding: 56px 28px 72px; }
header .over { color: var(--soft); font-size: 14px; letter-spacing: .02em; margin: 0 0 10px; }
h1 { font-size: clamp(28px, 4.4vw, 44px); line-height: 1.12; letter-spacing: -.022em;
  font-weight: 650; margin: 0 0 14px; max-width: 22em; text-wrap: balance; }
.lead { color: var(--soft); font-size: 18px; max-width: 46em; margin: 0; }
h2 { font-size: 22px; letter-spacing: -.012em; margin: 60px 0 6px; font-weight: 640; }
h3 { font-size: 14px; font-weight: 600; margin: 0 0 8px; }
section > p { color: var(--soft); margin: 0 0 18px; max-width: 52em; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(170px, 1fr));
  margin: 34px 0 0; border-top: 1px solid var(--rule); }
.figures div { padding: 16px 20px 2px 0; }
.figures b { display: block; font-size: 30px; letter-spacing: -.02em; font-weight: 640;
  line-height: 1.2; }
.figures span { color: var(--soft); font-size: 14px; }
.grid { display: grid; gap: 18px;
  grid-template-columns: repeat(auto-fit, minmax(min(420px, 100%), 1fr)); }
.card { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 16px 18px; min-width: 0; }
figure { margin: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  overflow: hidden; }
figure img { display: block; width: 100%; image-rendering: auto; background: #000; }
figcaption { padding: 9px 14px; font-size: 14px; color: var(--soft); }
.card figcaption { padding: 10px 0 0; }
.card + .scroll, .scroll + .card { margin-top: 18px; }
.scroll + p { margin-top: 14px; }
td small { color: var(--soft); font-size: 14px; }
figcaption b { color: var(--text); font-weight: 600; }
table { border-collapse: collapse; width: 100%; font-size: 15px; }
th { text-align: left; font-weight: 500; color: var(--soft); font-size: 13.5px; }
th, td { padding: 8px 16px 8px 0; border-bottom: 1px solid var(--rule); vertical-align: top; }
tr:last-child td { border-bottom: 0; }
td.n, th.n { text-align: right; padding-right: 0; padding-left: 16px; white-space: nowrap; }
.scroll { overflow-x: auto; }
pre { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 14px 18px;
  overflow-x: auto; font: 13.5px/1.6 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre i { color: var(--soft); font-style: normal; }
footer { margin-top: 56px; padding-top: 16px; border-top: 1px solid var(--rule);
  color: var(--soft); font-size: 14px; }
svg { display: block; width: 100%; height: auto; overflow: visible; }
svg text { fill: var(--soft); font-size: 11.5px; }
svg .label { fill: var(--text); font-size: 12px; }
svg .end { text-anchor: end; } svg .middle { text-anchor: middle; }
svg .axis { stroke: var(--soft); stroke-width: 1; } svg .grid { stroke: var(--rule); }
svg .bar { fill: var(--bar); }
svg .mark { stroke: var(--mark); stroke-width: 1.5; stroke-dasharray: 4 3; }
svg .line { fill: none; stroke-width: 1.8; stroke-linejoin: round; stroke-linecap: round; }
svg .whisker { stroke-width: 3; stroke-linecap: round; opacity: .45; }
svg line.s0, svg polyline.s0 { stroke: var(--c0); } svg circle.s0 { fill: var(--c0); }
svg line.s1, svg polyline.s1 { stroke: var(--c1); } svg circle.s1 { fill: var(--c1); }
svg line.s2, svg polyline.s2 { stroke: var(--c2); } svg circle.s2 { fill: var(--c2); }
svg line.s3, svg polyline.s3 { stroke: var(--c3); } svg circle.s3 { fill: var(--c3); }
@media print { main { padding: 0; } figure, .card { break-inside: avoid; } }
"""
