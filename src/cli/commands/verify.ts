import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import type { ControlledVault, Verification } from '../../index.ts'
import { parseVkey } from '../../verify.ts'
import { type Cli, handled, type Reader, withReader } from '../cli.ts'
import { exitCodes } from '../exit-codes.ts'
import { Exit, UsageError } from '../failure.ts'
import { subcommand } from '../program.ts'
import { plural, style } from '../text.ts'

interface VerifyFlags {
  readonly against?: string
  readonly key?: string
}

export function addVerify(program: Command): void {
  subcommand(
    program,
    'verify',
    'read every byte of the log, and hold it to all that was signed of it',
  )
    .option('--against <checkpoint>', 'a file with a checkpoint that was kept elsewhere')
    .option('--key <vkey>', "the verifier that it is signed under; the vault's own unless said")
    .action(
      handled<VerifyFlags>(async (cli, { options }) => {
        const found = await withReader(cli, async (reader) => {
          // The opening itself is an event: signed, so that what is said of the log covers all of it.
          if ('proofs' in reader) await (reader as ControlledVault).proofs.checkpoint()
          return verify(cli, reader, options)
        })
        await cli.out.result(found, () => inWords(found))
        if (!found.ok) throw new Exit(exitCodes.integrity)
      }),
    )
}

async function verify(cli: Cli, reader: Reader, flags: VerifyFlags): Promise<Verification> {
  const bar = cli.out.progress('verifying')
  const { against, key } = flags
  return reader
    .verify({
      signal: cli.signal,
      onProgress: ({ position, size }) => bar.at(position, size),
      ...(against !== undefined && {
        against: {
          checkpoint: await readKept(against),
          ...(key !== undefined && { trust: { log: parseVkey(key) } }),
        },
      }),
    })
    .finally(() => bar.end())
}

async function readKept(path: string): Promise<Buffer> {
  return readFile(path).catch((cause) => {
    throw new UsageError(`--against ${path} cannot be read: ${cause.code}`)
  })
}

function inWords(found: Verification): string {
  const { ok, size, unsigned, anchored, problems } = found
  const lines = problems.map(({ position, code, message }) => {
    const where = position === undefined ? '' : ` at ${position}`
    return `${style('red', `${code}${where}:`, process.stdout)} ${message}`
  })
  const mark = ok ? 'ok' : plural(problems.length, 'problem')
  const signed = `${mark}: ${plural(size, 'event')}, signed to ${size - unsigned}.`
  const vouched =
    anchored > 0
      ? `Vouched for elsewhere to ${anchored}.`
      : 'Not anchored elsewhere: a rollback of this folder would not show.'
  const macs =
    found.macs === 'checked'
      ? []
      : ["With an auditor's keys, only what is signed is shown to be an owner's."]
  return [...lines, [signed, vouched, ...macs].join(' ')].join('\n')
}
