"""How a page looks, on a screen, light or dark, and on paper."""

CSS = """:root {
  --paper: #fbfbfa; --card: #fff; --ink: #1d2126; --dim: #5c646e; --rule: #dfe2e6; --link: #1f5f8f;
  --truth: #7b61c430; --alarm: #b3200f;
}
@media (prefers-color-scheme: dark) { :root {
  --paper: #15171a; --card: #1d2024; --ink: #e7e9ec; --dim: #9da5af; --rule: #33383f; --link: #86c0ea;
  --truth: #a78bfa45; --alarm: #ff8a75;
} }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; max-width: 70rem; padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 3rem;
  background: var(--paper); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .5rem; }
h2 { font-size: 1.3rem; margin: 0 0 .25rem; }
h3 { font-size: 1rem; margin: 1.25rem 0 .5rem; }
h4 { font-size: 1rem; margin: 0; }
p { margin: .25rem 0; }
a { color: var(--link); }
i { font-style: normal; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.skip { position: absolute; left: -99rem; }
.skip:focus { position: static; }
.defs { position: absolute; }
.dim, figcaption, caption, .key, .back, .task b { color: var(--dim); font-size: .875rem; }
.nowrap, td, .wide { white-space: nowrap; }
header > p { max-width: 46rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem;
  margin: 1.25rem 0; }
.facts div, .moment, pre { background: var(--card); border: 1px solid var(--rule); border-radius: .5rem; }
.facts div { padding: .6rem .8rem; }
.facts dt { color: var(--dim); font-size: .875rem; }
.facts dd { margin: 0; font-size: 1.15rem; font-weight: 600; }
.key { display: flex; gap: .25rem .75rem; align-items: flex-start; }
.scale { flex: none; display: flex; justify-content: space-between; width: 9rem; margin-top: .15rem;
  padding: 0 .4rem; border-radius: .25rem; color: #000; font-size: .75rem; font-weight: 600;
  background: linear-gradient(90deg, var(--low), var(--middle), var(--high)); }
.scale i:last-child { color: #fff; }
.swatch { display: inline-block; width: 1rem; height: .75rem; background: var(--truth);
  outline: 1px solid var(--rule); }
section { margin-top: 2.25rem; }
.clip { border-top: 1px solid var(--rule); padding-top: 1.75rem; }
table { width: 100%; border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; }
th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--rule); }
thead th { font-size: .875rem; color: var(--dim); }
tbody th { min-width: 7rem; }
.spark { width: 45%; padding-right: 0; }
.badge { font-weight: 600; font-variant-numeric: tabular-nums; white-space: nowrap; }
.badge i { display: inline-block; width: .7em; height: .7em; border-radius: 50%; margin-right: .35em; }
.curve { display: block; width: 100%; height: 11rem; border-bottom: 1px solid var(--dim); }
.spark .curve { height: 1.75rem; }
.task .curve { height: 2.25rem; }
.curve .truth { fill: var(--truth); }
.curve .area { fill: url(#scale); stroke: url(#scale); vector-effect: non-scaling-stroke; }
.curve .level { stroke: var(--alarm); stroke-dasharray: 6 4; vector-effect: non-scaling-stroke; }
figure { margin: 0; }
.chart { margin-top: .75rem; }
.plot, .marks, .ticks, .bar { position: relative; }
.mark, .n { display: inline-block; min-width: 1.5rem; padding: 0 .3rem; border-radius: .75rem;
  background: var(--ink); color: var(--paper); text-align: center; text-decoration: none;
  font-size: .8rem; font-weight: 600; line-height: 1.5rem; }
.mark, .ticks span { position: absolute; transform: translateX(-50%); }
.mark:hover { background: var(--link); }
.y, .ticks { font-size: .75rem; color: var(--dim); }
.y { position: absolute; left: .2rem; padding: 0 .2rem; border-radius: .2rem; background: var(--paper);
  line-height: 1.3; }
.y.top { top: 0; }
.ticks { height: 1.4rem; white-space: nowrap; }
.ticks .first { transform: none; }
.ticks .last { transform: translateX(-100%); }
.task { margin-top: .4rem; font-size: .875rem; }
.moments { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(20rem, 100%), 1fr)); gap: 1rem; }
.moment { overflow: hidden; }
.moment:target { outline: 3px solid var(--link); }
.moment img { display: block; width: 100%; height: auto; max-height: 24rem;
  object-fit: contain; background: var(--rule); }
.moment figcaption { padding: .75rem; color: var(--ink); font-size: 1rem; }
.bars { list-style: none; margin: .5rem 0 0; padding: 0; font-size: .875rem; }
.bars li { display: grid; grid-template-columns: 1fr auto; gap: 0 .5rem; margin-top: .35rem; }
.bars b { font-variant-numeric: tabular-nums; font-weight: 500; }
.bar { grid-column: 1 / -1; height: .5rem; background: var(--rule); border-radius: .2rem; }
.bar i { display: block; height: 100%; border-radius: .2rem; }
.bar::after { content: ""; position: absolute; top: -.15rem; bottom: -.15rem; left: var(--level);
  border-left: 1px dashed var(--ink); }
pre { overflow: auto; max-height: 32rem; padding: 1rem; font-size: .8rem; overflow-wrap: normal; }
summary { cursor: pointer; }
@media (max-width: 34rem) {
  .wide { display: none; }
  .plot .curve { height: 8rem; }
  .key { flex-direction: column; }
  .spark { width: 25%; }
}
@media print { .moment, .chart, .task { break-inside: avoid; } .back, .skip { display: none; } }
"""
"""The page's style sheet; it expects the colours of scores as `--low`, `--middle` and `--high`."""
