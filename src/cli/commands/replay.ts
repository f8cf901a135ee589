import { inspect } from 'node:util'
import type { Command } from 'commander'
import {
  accesses,
  FoldError,
  lifecycle,
  type Moment,
  type Projection,
  plainState,
  rotations,
  secrets,
  shownRow,
  versions,
} from '../../index.ts'
import { type Cli, handled, withReader } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { ownProjections } from '../own-projections.ts'
import { subcommand } from '../program.ts'
import { withServer } from '../remote/with-server.ts'
import { moment } from '../when.ts'

interface ReplayFlags {
  readonly asOf?: string
  readonly module?: string
}

const builtIn: ReadonlyMap<string, Projection<unknown>> = new Map(
  [secrets, versions, rotations, accesses, lifecycle].map((projection) => [
    projection.name,
    projection as Projection<unknown>,
  ]),
)

export function addReplay(program: Command): void {
  subcommand(program, 'replay', "a projection's state, folded from the first event on")
    .argument('<projection>', `${[...builtIn.keys()].join(', ')}, or one of --module`)
    .option('--as-of <time>', 'up to then: a time, or a position of the log')
    .option('--module <file>', 'a JavaScript module that exports the projection')
    .action(
      handled<ReplayFlags>(async (cli, { args: [name = ''], options }) => {
        const { state, position } =
          cli.globals.server === undefined
            ? await folded(cli, name, options)
            : await foldedThere(cli, name, options)
        await cli.out.result(state, () =>
          inspect(state, {
            depth: null,
            colors: false,
            maxArrayLength: null,
            maxStringLength: null,
          }),
        )
        cli.out.note(`${name}, of the first ${position.toLocaleString('en')} events`)
      }),
    )
}

/** A state as JSON has it, and how many events it has seen. */
interface Folded {
  readonly state: unknown
  readonly position: number
}

async function folded(cli: Cli, name: string, options: ReplayFlags): Promise<Folded> {
  const projection = await projectionOf(name, options)
  return withReader(cli, async (vault) => {
    const bar = cli.out.progress('replaying')
    const { view, position } = await vault
      .replay(projection, {
        ...cli.call,
        ...momentOf(cli, options),
        onProgress: (seen) => bar.at(seen.position, seen.size),
      })
      .catch(refuseModule)
      .finally(() => bar.end())
    // As a server shows it: what names the keys of values is shown to nobody.
    const row = shownRow(projection)
    const state = await plainState(view, { signal: cli.signal, ...(row && { row }) })
    return { state, position }
  })
}

/** A server folds what it has: code is not sent to it. */
async function foldedThere(cli: Cli, name: string, options: ReplayFlags): Promise<Folded> {
  if (options.module !== undefined) {
    throw new UsageError(
      '--module is code, which no server takes: it folds what it was started with',
      'ask it by name; or fold a backup: muniment backup FILE, then --vault FILE',
    )
  }
  return withServer(cli.globals, async ({ projections }) => {
    const at = momentOf(cli, options)
    const { view, position } = await projections.get(name, { ...cli.call, ...at })
    return { state: view, position }
  })
}

function momentOf({ globals, now }: Cli, { asOf }: ReplayFlags): { readonly at?: Moment } {
  return asOf === undefined ? {} : { at: moment(asOf, { ...globals, now }) }
}

async function projectionOf(name: string, { module }: ReplayFlags): Promise<Projection<unknown>> {
  if (module === undefined) {
    const found = builtIn.get(name)
    if (found !== undefined) return found
    throw new UsageError(
      `there is no projection ${JSON.stringify(name)} of the vault's own`,
      `one of ${[...builtIn.keys()].join(', ')}, or --module FILE`,
    )
  }
  const exported = await ownProjections('--module', module)
  const found = exported.find((each) => each.name === name)
  if (found !== undefined) return found
  throw new UsageError(
    `--module ${module} exports no projection named ${JSON.stringify(name)}`,
    `it exports ${exported.map((each) => each.name).join(', ')}`,
  )
}

/** A projection of the caller's own that throws is no defect of ours. */
function refuseModule(error: unknown): never {
  if (!(error instanceof FoldError)) throw error
  const { message, cause } = error
  throw new UsageError(`${message}: ${cause instanceof Error ? cause.message : 'unknown'}`)
}
