import { createHash } from 'node:crypto'

/**
 * The one style of a page. Light and dark, on paper (A4 across, heads of tables again on each page, no row cut) and on
 * a phone, where a row becomes a card with the names of its columns.
 */
export const style = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1d1c1a;--soft:#5d5953;--rule:#d8d3c8;--faint:#f6f4ef;
--accent:#1f4e63;--bad:#8f1d14;--badfill:#fbf0ee;--warn:#7a4b00;--good:#2c5e38;
--s0:#1f4e63;--s1:#c08a2e;--s2:#7d9aa6;--s3:#8f1d14;--s4:#7b8f5a;--s5:#6b5b73}
@media screen and (prefers-color-scheme:dark){:root{--paper:#171715;--ink:#e9e6df;--soft:#a8a399;--rule:#3b3934;
--faint:#201f1c;--accent:#93c1d4;--bad:#f3a89f;--badfill:#2e1c1a;--warn:#e6bb6a;--good:#9ccba6;
--s0:#7fb3c8;--s1:#d9a94f;--s2:#5b7682;--s3:#e08d82;--s4:#a3b87f;--s5:#ab98b5}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0 auto;max-width:90rem;padding:2.5rem 1.75rem 4rem;background:var(--paper);color:var(--ink);
font:0.9375rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums lining-nums;overflow-wrap:anywhere}
h1,h2,.question,.sum{font-family:"Iowan Old Style","Palatino Linotype",Palatino,Charter,Georgia,"Liberation Serif",serif}
h1{font-size:2.25rem;line-height:1.15;font-weight:600;margin:.1em 0 .25em;letter-spacing:-.01em}
h2{font-size:1.35rem;line-height:1.25;font-weight:600;margin:0 0 .6rem}
p{margin:0 0 .75rem;max-width:46rem}
.kicker{margin:0;font-size:.8125rem;color:var(--soft);letter-spacing:.02em}
.question{font-size:1.15rem;font-style:italic;color:var(--soft);margin-bottom:1.5rem}
section{margin-top:2.5rem;padding-top:1.1rem;border-top:1px solid var(--rule)}
header{padding-bottom:.2rem}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.2rem 1.5rem;margin:0}
dt{color:var(--soft)}dd{margin:0}
code,.hash,.position{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{font-size:.9em}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.15em}
a:focus-visible,.wide:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.sum{font-size:1.15rem;margin-bottom:.9rem}.sum.some{color:var(--bad);font-weight:600}
.found{list-style:none;margin:0;padding:0;max-width:72rem}
.found li{display:grid;grid-template-columns:3.5rem minmax(0,1fr);gap:0 1rem;padding:.4rem 0;border-top:1px solid var(--rule)}
.found li>bdi{text-align:left}.found b{text-align:right;color:var(--bad);font-weight:600}
.found .at{grid-column:2;color:var(--soft);font-size:.8125rem}.found a{margin-right:.45em}
.tally{margin:.9rem 0 0;color:var(--soft)}.tally b{color:var(--ink);font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1.75rem 2.5rem}
figure{margin:0;max-width:32rem;break-inside:avoid}
figcaption{font-weight:600;margin-bottom:.6rem}figcaption::first-letter{text-transform:uppercase}
svg{display:block;width:100%;height:auto;overflow:visible}
svg text{font:13px system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums;fill:var(--soft)}
.grid{stroke:var(--rule);stroke-width:.6}.axis{stroke:var(--soft);stroke-width:1}
.s0{fill:var(--s0)}.s1{fill:var(--s1)}.s2{fill:var(--s2)}.s3{fill:var(--s3)}.s4{fill:var(--s4)}.s5{fill:var(--s5)}
path[class^=l]{fill:none;stroke-width:1.8;stroke-linejoin:round}
.l0{stroke:var(--s0)}.l1{stroke:var(--s1);stroke-dasharray:6 3}.l2{stroke:var(--s2);stroke-dasharray:2 2}
.l3{stroke:var(--s3);stroke-dasharray:8 3 2 3}.l4{stroke:var(--s4);stroke-dasharray:4 4}.l5{stroke:var(--s5);stroke-dasharray:1 3}
dl+p{margin-top:.8rem}.note{color:var(--soft);font-size:.875rem}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.765rem;line-height:1.42;overflow-wrap:break-word}
th{text-align:left;vertical-align:bottom;font-weight:600;font-size:.72rem;color:var(--soft);
padding:.35rem .6rem .35rem 0;border-bottom:1.5px solid var(--ink)}
th.long{overflow-wrap:anywhere;min-width:8em}
th::first-letter{text-transform:uppercase}
td{vertical-align:top;padding:.4rem .6rem .4rem 0;border-bottom:1px solid var(--rule)}
th:first-child,td:first-child{padding-left:.6rem}
.number,.position,.duration{text-align:right;white-space:nowrap}
td.text,td.list{min-width:5.6em;max-width:26em}td.time{min-width:6.9em}
td.position{font-size:.715rem}
td.hash{font-size:.715rem}
td.hash span{display:block;width:17.4ch;overflow:hidden;white-space:nowrap;text-overflow:ellipsis}
tr.f>td{background:var(--badfill)}tr.f>td:first-child{box-shadow:inset 3px 0 0 var(--bad)}
td.finding{color:var(--bad);font-weight:600;min-width:7em}
.bad{color:var(--bad);font-weight:600}.warn{color:var(--warn);font-weight:600}.good{color:var(--good)}
.none{color:var(--soft)}
pre{margin:0 0 1.1rem;padding:.6rem .8rem;background:var(--faint);border-left:3px solid var(--accent);white-space:pre-wrap}
@media screen and (max-width:46rem){
body{padding:1.25rem 1rem 3rem}h1{font-size:1.75rem}section{margin-top:1.75rem}
dl{grid-template-columns:minmax(0,1fr);gap:0}dd{margin-bottom:.5rem}dt{font-size:.8125rem}
.found li{grid-template-columns:2.4rem minmax(0,1fr);gap:0 .7rem}.wide{overflow:visible}
table,tbody,tr{display:block}thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{padding:.7rem 0 .8rem;border-bottom:1px solid var(--rule)}tr.f{background:var(--badfill);padding-left:.7rem;box-shadow:inset 3px 0 0 var(--bad)}
td,td:first-child,td.number,td.position,td.duration{display:grid;grid-template-columns:7.2rem minmax(0,1fr);gap:0 .8rem;padding:.12rem 0;border:0;
text-align:left;white-space:normal;overflow-wrap:anywhere;min-width:0;max-width:none}
td.text,td.list,td.time,td.duration,td.number,td.finding{min-width:0;max-width:none}
td::before{content:attr(data-label);color:var(--soft);font:400 .75rem/1.7 system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif}
td.z{display:none}tr.f>td:first-child{box-shadow:none}tr.f>td{background:none}
td.hash span{width:auto;white-space:normal;overflow:visible}}
@page{size:A4 landscape;margin:14mm 12mm 15mm;@bottom-right{content:counter(page) " / " counter(pages);font:8pt system-ui,Arial,sans-serif;color:#5d5953}}
@media print{html{font-size:9.6pt}body{max-width:none;padding:0}.wide{overflow:visible}
section{margin-top:14pt;padding-top:8pt}h2{break-after:avoid}
table{font-size:6.6pt}th{font-size:6.4pt}th,td{padding-right:4pt}thead{display:table-header-group}
tr,li,dl,figure,pre{break-inside:avoid}a{color:inherit;text-decoration:none}
td.text,td.list,td.time,td.duration,td.number,td.finding{min-width:0;max-width:none}
td.hash,td.position{font-size:6pt}td.hash span{width:16ch;text-overflow:clip}
.charts{grid-template-columns:repeat(2,minmax(0,1fr))}figure{max-width:105mm}
tr.f>td,.s0,.s1,.s2,.s3,.s4,.s5{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
`

/** What a page may do: be styled by exactly that style, and nothing else (CSP Level 3). */
export const policy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')
