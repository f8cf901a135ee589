import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { type EventJson, type ProvedEvent, parseVkey, verifyEventProof } from '../../verify.ts'
import { type Cli, handled, withVault } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { writeNewFile } from '../new-file.ts'
import { collect, integer, subcommand } from '../program.ts'
import { properties, table } from '../text.ts'

interface CheckpointFlags {
  readonly list?: boolean
}

interface ProveFlags {
  readonly out?: string
}

interface VerifyProofFlags {
  readonly key: string
  readonly witness?: readonly string[]
}

export function addCheckpoint(program: Command): void {
  subcommand(program, 'checkpoint', 'sign the log as it is: a statement to keep elsewhere')
    .option('--list', 'all that are kept, oldest first, instead')
    .action(
      handled<CheckpointFlags>(async (cli, { options }) => {
        if (options.list === true) await listCheckpoints(cli)
        else await signCheckpoint(cli)
      }),
    )
}

async function signCheckpoint(cli: Cli): Promise<void> {
  await withVault(cli, async (vault) => {
    const { origin, size, root, note } = await vault.proofs.checkpoint()
    const text = note.toString()
    const shown = { origin, size, root: root.toString('hex'), checkpoint: text }
    await cli.out.result(shown, () => text.trimEnd())
    cli.out.note('keep it elsewhere; later: muniment verify --against FILE')
  })
}

async function listCheckpoints(cli: Cli): Promise<void> {
  await withVault(cli, async (vault) => {
    const kept: { origin: string; size: number; root: string }[] = []
    for await (const { origin, size, root } of vault.proofs.checkpoints()) {
      kept.push({ origin, size, root: root.toString('hex') })
    }
    await cli.out.result(kept, () =>
      table(
        ['size', 'root', 'origin'],
        kept.map(({ origin, size, root }) => [`${size}`, root, origin]),
      ),
    )
  })
}

export function addProve(program: Command): void {
  subcommand(
    program,
    'prove',
    'a proof that an event stands in the log, for whoever has the verifier',
  )
    .argument('<position>', 'of the event, as audit prints it')
    .option('--out <file>', 'into a new file')
    .action(
      handled<ProveFlags>(async (cli, { args: [position = ''], options }) => {
        const at = integer(position)
        const proof = await withVault(cli, (vault) => vault.proofs.event(at, cli.call))
        const { out } = options
        if (out === undefined) {
          const text = proof.file.toString()
          await cli.out.result({ position: at, size: proof.size, proof: text }, () =>
            text.trimEnd(),
          )
          return
        }
        await writeNewFile(out, proof.file)
        await cli.out.result(
          { position: at, size: proof.size, out },
          () => `proof of event ${at} in ${out}`,
        )
        cli.out.note(`whoever gets it: muniment verify-proof ${out} --key VERIFIER`)
      }),
    )
}

export function addVerifyProof(program: Command): void {
  subcommand(program, 'verify-proof', 'check a proof; needs no vault and no passphrase')
    .argument('<file>')
    .requiredOption('--key <vkey>', "the vault's verifier, as its operator gave it to you")
    .option('--witness <vkey...>', 'a witness whose word you take as well', collect)
    .action(
      handled<VerifyProofFlags>(async (cli, { args: [file = ''], options }) => {
        const bytes = await readFile(file).catch((cause) => {
          throw new UsageError(`${file} cannot be read: ${cause.code}`)
        })
        const witnesses = (options.witness ?? []).map(parseVkey)
        const proved = verifyEventProof(bytes, { log: parseVkey(options.key), witnesses })
        await cli.out.result(jsonOf(proved), () => inWords(cli, proved))
      }),
    )
}

function jsonOf({ root, extra: _, cosigners, ...proved }: ProvedEvent) {
  return { ok: true, ...proved, root: root.toString('hex'), cosigners, event: shown(proved.event) }
}

function inWords(cli: Cli, { origin, index, size, root, cosigners, event }: ProvedEvent): string {
  const said = properties([
    ...eventWords(cli, shown(event)),
    ['log', origin],
    ['root', `${root.toString('hex')} of ${size} events`],
    ...cosigners.map(({ name, time }): [string, string] => [
      'cosigned',
      `${name}, ${cli.shown(time)}`,
    ]),
  ])
  return `${said}\nok: this event stands at position ${index} of a log of ${size} that the key has signed.`
}

function eventWords(cli: Cli, event: EventJson | undefined): [string, string | undefined][] {
  if (event === undefined) return [['event', 'of a kind that this release does not know']]
  const { type, time, actor, subject, data } = event
  return [
    ['event', type],
    ['time', cli.shown(new Date(time))],
    ['actor', actor],
    ['subject', subject === '' ? undefined : subject],
    ['data', JSON.stringify(data)],
  ]
}

/** Without the sealed box, which says nothing to anybody but the vault. */
function shown(event: EventJson | undefined): EventJson | undefined {
  if (event === undefined) return undefined
  const { box: _, ...data } = event.data
  return { ...event, data }
}
