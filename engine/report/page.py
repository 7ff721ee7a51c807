"""Style and script of the HTML report. Blue and orange of Okabe and Ito's palette, told apart by all colour vision."""

STYLE = """
:root { --page: #f6f7f9; --card: #ffffff; --ink: #16202c; --soft: #566273; --rule: #dfe4ea; --grid: #e8ecf1;
  --won: #0067a5; --lost: #c2500a; --line: #44546a; --fall: #c2500a; --fill: #c2500a26; }
@media (prefers-color-scheme: dark) {
  :root { --page: #10151c; --card: #182029; --ink: #e8edf3; --soft: #a3afbd; --rule: #2c3743; --grid: #26303b;
    --won: #62b6ef; --lost: #f2a04a; --line: #b4c0ce; --fall: #f2a04a; --fill: #f2a04a2b; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 28px 20px 48px; }
header { margin-bottom: 20px; }
h1 { font-size: 26px; margin: 0 0 4px; letter-spacing: -0.01em; overflow-wrap: anywhere; }
h2 { font-size: 17px; margin: 0 0 10px; }
h3 { font-size: 15px; margin: 18px 0 4px; overflow-wrap: anywhere; }
p { margin: 4px 0; color: var(--soft); overflow-wrap: anywhere; }
section { background: var(--card); border: 1px solid var(--rule); border-radius: 10px;
  padding: 18px 20px; margin: 0 0 16px; }
.tiles { display: grid; grid-template-columns: repeat(4, 1fr); gap: 12px; margin: 0 0 16px; padding: 0; }
.tiles div { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 12px 16px; }
.tiles dt { color: var(--soft); font-size: 13px; }
.tiles dd { margin: 2px 0 0; font-size: 23px; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles dd.unknown { font-size: 15px; font-weight: 400; color: var(--soft); padding-top: 6px; }
.won-text { color: var(--won); } .lost-text { color: var(--lost); }
.pair { display: grid; grid-template-columns: 1fr 1fr; gap: 16px; align-items: start; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 5px 14px 5px 0; text-align: left; border-bottom: 1px solid var(--rule); white-space: nowrap; }
.pairs td { white-space: normal; overflow-wrap: anywhere; vertical-align: top; }
.pairs td:first-child { white-space: nowrap; padding-right: 24px; }
.pairs thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th { color: var(--soft); font-weight: 600; white-space: normal; vertical-align: bottom; }
tbody tr:last-child td { border-bottom: 0; }
.number { text-align: right; } th:last-child, td:last-child { padding-right: 0; }
svg { display: block; width: 100%; min-width: 640px; height: auto; }
svg text { fill: var(--soft); font-size: 12px; font-variant-numeric: tabular-nums; }
.grid { stroke: var(--grid); } .base { stroke: var(--soft); stroke-dasharray: 4 4; }
.equity { fill: none; stroke: var(--won); stroke-width: 1.8; stroke-linejoin: round; }
.fall { fill: none; stroke: var(--fall); stroke-width: 1.2; } .fall-area { fill: var(--fill); }
.price { fill: none; stroke: var(--line); stroke-width: 1.1; stroke-linejoin: round; opacity: 0.8; }
.won { --tone: var(--won); } .lost { --tone: var(--lost); }
.link { stroke: var(--tone); stroke-width: 1.2; stroke-dasharray: 3 3; }
.entry { fill: var(--card); stroke: var(--tone); stroke-width: 1.6; }
.exit { fill: var(--tone); stroke: var(--card); stroke-width: 1; }
.entry:hover, .exit:hover { stroke: var(--ink); stroke-width: 2; }
.maps { display: grid; grid-template-columns: repeat(auto-fill, minmax(330px, 1fr)); gap: 16px 24px; }
.maps figure { margin: 0; } .maps figcaption { color: var(--soft); font-size: 13px; margin: 0 0 4px; }
.maps svg { min-width: 0; } .maps svg .cell-text { fill: var(--ink); font-size: 13px; }
.gain { fill: var(--won); } .loss { fill: var(--lost); } .empty { fill: var(--grid); }
.best { fill: none; stroke: var(--ink); stroke-width: 2; }
.line-a { fill: none; stroke: var(--won); stroke-width: 1.8; } .dot-a { fill: var(--won); }
.bar { stroke: var(--soft); stroke-width: 1.4; } .raw { fill: var(--lost); } .corrected { fill: var(--won); }
.even { stroke: var(--soft); stroke-dasharray: 4 4; }
.tip { position: fixed; z-index: 1; pointer-events: none; white-space: pre-line; background: var(--ink);
  color: var(--card); padding: 7px 10px; border-radius: 6px; font-size: 13px; max-width: 320px; }
.key { font-size: 13px; }
code { font-size: 13px; overflow-wrap: anywhere; }
summary { cursor: pointer; font-weight: 600; }
@media (max-width: 760px) { .tiles { grid-template-columns: 1fr 1fr; } .pair { grid-template-columns: 1fr; } }
@media print { section { break-inside: avoid; } body { background: none; } }
"""

SCRIPT = """
"use strict";
const tip = document.createElement("div");
tip.className = "tip";
tip.hidden = true;
document.body.append(tip);
const texts = new Map();
for (const title of document.querySelectorAll(".trade title")) {
  texts.set(title.parentNode, title.textContent);
  title.parentNode.setAttribute("aria-label", title.textContent);
  title.remove();
}
document.addEventListener("pointermove", (event) => {
  const text = texts.get(event.target);
  tip.hidden = text === undefined;
  if (tip.hidden) return;
  tip.textContent = text;
  tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
  tip.style.top = Math.max(8, event.clientY - tip.offsetHeight - 12) + "px";
});
"""
