/** What the first page of evidence has beside the style that all pages share: it is read upright, as a letter is. */
export const coverStyle = `
body{max-width:66rem}
.soft{color:var(--soft)}
.fingerprint{display:grid;grid-template-columns:repeat(8,max-content);gap:.25rem 1.4rem;margin:.6rem 0 1rem;
font:600 1.6rem/1.35 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;letter-spacing:.02em}
ol,ul{margin:0;padding-left:1.3rem;max-width:50rem}li{margin-bottom:.6rem}li pre{margin:.4rem 0 .3rem}
td.finding{min-width:12rem}th.number,td.number{padding-right:1.75rem}
td.whole{font:.6875rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;max-width:33ch;overflow-wrap:anywhere}
@media screen and (max-width:46rem){.fingerprint{grid-template-columns:repeat(4,max-content);gap:.2rem 1rem;font-size:1.25rem}
td.whole{max-width:none}td.number{padding-right:0}}
@page{size:A4 portrait;margin:16mm 15mm 17mm}
@media print{table{font-size:8pt}th{font-size:7.5pt}.fingerprint{font-size:14pt}td.whole{font-size:6.2pt}}
`
