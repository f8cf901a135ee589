import type { Command } from 'commander'
import type { Evidence } from '../../index.ts'
import { type Cli, handled, type Reader, withReader } from '../cli.ts'
import { expectFree } from '../new-file.ts'
import { subcommand } from '../program.ts'
import { type RangeFlags, rangeOf } from '../range.ts'
import { plural, properties, table } from '../text.ts'

interface EvidenceFlags extends RangeFlags {
  readonly out: string
}

/** When the ends of a range were. */
interface Ends {
  readonly from: Date
  readonly to: Date
}

export function addEvidence(program: Command): void {
  subcommand(program, 'evidence', 'what an auditor is handed: all reports on a range, and proofs')
    .option('--from <time>', 'its first event: a time, of a day its start, or a position')
    .option('--to <time>', 'its last event: a time, of a day its end, or a position')
    .requiredOption('--out <file>', 'a new zip file')
    .action(
      handled<EvidenceFlags>(async (cli, { options }) => {
        const { out } = options
        await expectFree(out)
        const { evidence, ends } = await withReader(cli, async (reader) => {
          const evidence = await collect(cli, reader, options)
          return { evidence, ends: await endsOf(cli, reader, evidence) }
        })
        await cli.out.result({ out, ...evidence }, () => inWords(cli, out, { evidence, ends }))
        if (!evidence.isSigned) cli.out.note('no owner was there to sign it, and it says so')
        cli.out.note(
          `next: hand over ${out}, and tell the fingerprint by another way; index.html in it is to be read first, and verifier.html checks all of it without a network`,
        )
      }),
    )
}

function collect(cli: Cli, { reports }: Reader, flags: EvidenceFlags): Promise<Evidence> {
  const bar = cli.out.progress('collecting evidence')
  const options = {
    ...rangeOf(cli, flags),
    to: flags.out,
    signal: cli.signal,
    onProgress: ({ position, size }: { position: number; size: number }) => bar.at(position, size),
  }
  return reports.evidence(options, cli.call).finally(() => bar.end())
}

async function endsOf(
  { signal }: Cli,
  reader: Reader,
  { range: { from, to } }: Evidence,
): Promise<Ends | undefined> {
  if (to < from) return undefined
  const [first, last] = [
    await reader.asOf({ position: from }, { signal }),
    await reader.asOf({ position: to }, { signal }),
  ]
  return { from: first.time, to: last.time }
}

function inWords(
  cli: Cli,
  out: string,
  { evidence, ends }: { readonly evidence: Evidence; readonly ends: Ends | undefined },
): string {
  const { range, reports, bytes, sha256, covered, fingerprint } = evidence
  const at = (position: number, time: Date) =>
    `position ${position}, ${cli.exact(time)} ${cli.globals.tz}`
  const rows = reports.map(({ number, report, rowCount, findings }) => [
    number,
    report,
    rowCount.toLocaleString('en'),
    findings.toLocaleString('en'),
  ])
  return [
    properties([
      ['evidence', `${out}, ${plural(bytes, 'byte')}`],
      ['from', ends === undefined ? 'nothing: no event is so late' : at(range.from, ends.from)],
      ['to', ends && at(range.to, ends.to)],
      ['signed to', `position ${covered - 1}`],
      ['sha256', sha256],
      ['fingerprint', `${fingerprint} of the verifier`],
    ]),
    table(['', 'report', 'rows', 'findings'], rows),
  ].join('\n\n')
}
