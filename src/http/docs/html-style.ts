import { createHash } from 'node:crypto'

/** The one style of the page: light and dark, wide with its contents beside it, on a phone, and on paper. */
export const style = `
:root{color-scheme:light dark;--paper:#fff;--ink:#1d1c1a;--soft:#5d5953;--rule:#d8d3c8;--faint:#f6f4ef;--accent:#1f4e63;--mark:#fdf6df}
@media screen and (prefers-color-scheme:dark){:root{--paper:#171715;--ink:#e9e6df;--soft:#a8a399;--rule:#3b3934;
--faint:#201f1c;--accent:#93c1d4;--mark:#2c2818}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;text-size-adjust:100%;scroll-padding-top:1rem}
body{margin:0 auto;max-width:80rem;padding:0 1.75rem;background:var(--paper);color:var(--ink);
font:0.9375rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;
font-variant-numeric:tabular-nums lining-nums;overflow-wrap:break-word;
display:grid;grid-template-columns:15rem minmax(0,1fr);gap:0 3rem}
main{padding:2.5rem 0 5rem;min-width:0}
h1,h2,h3,.question{font-family:"Iowan Old Style","Palatino Linotype",Palatino,Charter,Georgia,"Liberation Serif",serif}
h1{font-size:2.25rem;line-height:1.15;font-weight:600;margin:.1em 0 .25em;letter-spacing:-.01em}
h2{font-size:1.6rem;line-height:1.25;font-weight:600;margin:3.5rem 0 .75rem;padding-top:1.1rem;border-top:2px solid var(--ink)}
h3{font-size:1.15rem;line-height:1.3;font-weight:600;margin:2.5rem 0 .35rem;padding-top:1.1rem;border-top:1px solid var(--rule)}
h2+h3,h2+p+h3{border-top:0;padding-top:0;margin-top:1.5rem}
.self{color:inherit;text-decoration:none}.self:hover{text-decoration:underline;text-decoration-thickness:1px;text-underline-offset:.15em}
p,ul{margin:0 0 .75rem;max-width:46rem}ul{padding-left:1.2rem}
.kicker{margin:0;font-size:.8125rem;color:var(--soft);letter-spacing:.02em}
.question{font-size:1.15rem;font-style:italic;color:var(--soft);margin-bottom:1.5rem}
code,pre,.verb{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code{font-size:.9em}
a{color:var(--accent);text-decoration-thickness:1px;text-underline-offset:.15em}
a:focus-visible,summary:focus-visible,pre:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.line{margin-bottom:.5rem}.line code{font-size:.9375rem}.line .id{font-size:.8125rem;color:var(--soft);margin-left:.75em}
.verb{font-size:.75rem;font-weight:600;color:var(--accent)}
.line .verb{display:inline-block;border:1px solid var(--accent);border-radius:2px;padding:0 .4em;margin-right:.4em;line-height:1.5}
nav{position:sticky;top:0;max-height:100vh;overflow-y:auto;padding:2.5rem 0 3rem;font-size:.8125rem;align-self:start;scrollbar-width:thin}
nav p{margin:1.1rem 0 .2rem;font-weight:600}nav p:first-of-type{margin-top:0}
nav a{text-decoration:none;color:var(--ink)}nav a:hover{color:var(--accent);text-decoration:underline}
nav .to{display:block;padding:.1rem 0;color:var(--soft);white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
nav .verb{display:inline-block;width:3.2rem;font-size:.625rem;letter-spacing:.02em}
@media screen and (min-width:62rem){nav summary{display:none}nav details::details-content{content-visibility:visible;block-size:auto}
nav details:not([open])>:not(summary){display:block}nav details:not([open])>.to{display:block}}
table{border-collapse:collapse;width:100%;margin:.75rem 0 1rem;font-size:.8125rem;line-height:1.45}
caption{text-align:left;font-weight:600;padding-bottom:.25rem;caption-side:top}
th{text-align:left;vertical-align:bottom;font-weight:600;font-size:.75rem;color:var(--soft);padding:.25rem .9rem .25rem 0;border-bottom:1.5px solid var(--ink)}
td{vertical-align:top;padding:.35rem .9rem .35rem 0;border-bottom:1px solid var(--rule)}
td:first-child{width:26%;min-width:9rem}td:nth-child(2){width:26%;color:var(--soft)}
table.wide td:first-child,table.wide td:nth-child(2){width:auto;min-width:0}
table.wide td:nth-child(2){white-space:nowrap}
tr:target>td,h3:target,h2:target{background:var(--mark)}
.example{margin:0 0 .4rem;font-size:.8125rem}.example summary,nav summary{cursor:pointer;color:var(--accent);width:max-content}
pre{margin:.4rem 0 .9rem;padding:.6rem .8rem;background:var(--faint);border-left:3px solid var(--accent);overflow-x:auto;line-height:1.45}
pre code{font-size:.78rem}
@media screen and (max-width:61.99rem){body{display:block;padding:0 1rem}main{padding:1.25rem 0 3rem}
h1{font-size:1.75rem}h2{font-size:1.4rem;margin-top:2.5rem}
nav{position:static;max-height:none;padding:1rem 0;border-bottom:1px solid var(--rule)}nav summary{font-size:.9375rem;padding:.3rem 0}
nav .to{padding:.3rem 0}}
@media screen and (max-width:46rem){table,caption,tbody,tr{display:block}thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
tr{padding:.5rem 0;border-bottom:1px solid var(--rule)}
td,td:first-child,td:nth-child(2){display:block;width:auto;padding:.05rem 0;border:0}td.z{display:none}
td:nth-child(n+2):not(:nth-child(3):last-child,:nth-child(2))::before{content:attr(data-label) ": ";color:var(--soft)}}
@page{size:A4;margin:16mm 15mm 17mm;@bottom-right{content:counter(page) " / " counter(pages);font:8pt system-ui,Arial,sans-serif;color:#5d5953}}
@media print{html{font-size:9.4pt}body{display:block;max-width:none;padding:0}nav{display:none}main{padding:0}
h2,h3,caption,.line{break-after:avoid}tr,pre{break-inside:avoid}thead{display:table-header-group}
a{color:inherit;text-decoration:none}pre{white-space:pre-wrap}
.example::details-content{content-visibility:visible;block-size:auto}.example summary{list-style:none;color:var(--soft)}}
`

/** What the page may do: be styled by exactly that style, and nothing else (CSP Level 3). */
export const pagePolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(style).digest('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
