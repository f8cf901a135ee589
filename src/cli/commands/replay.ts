import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import type { Command } from 'commander'
import {
  accesses,
  FoldError,
  lifecycle,
  type Projection,
  rotations,
  secrets,
  versions,
} from '../../index.ts'
import { handled, withReader } from '../cli.ts'
import { UsageError } from '../failure.ts'
import { subcommand } from '../program.ts'
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
        const projection = await projectionOf(name, options)
        await withReader(cli, async (vault) => {
          const at = options.asOf
          const bar = cli.out.progress('replaying')
          const { view, position } = await vault
            .replay(projection, {
              ...cli.call,
              onProgress: (seen) => bar.at(seen.position, seen.size),
              ...(at !== undefined && { at: moment(at, { ...cli.globals, now: cli.now }) }),
            })
            .catch(refuseModule)
            .finally(() => bar.end())
          const state = plain(view)
          await cli.out.result(state, () =>
            inspect(state, {
              depth: null,
              colors: false,
              maxArrayLength: null,
              maxStringLength: null,
            }),
          )
          cli.out.note(`${name}, of the first ${position.toLocaleString('en')} events`)
        })
      }),
    )
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
  const exported: Record<string, unknown> = await import(pathToFileURL(resolve(module)).href).catch(
    (cause) => {
      throw new UsageError(`--module ${module} cannot be loaded: ${cause.message}`)
    },
  )
  const found = Object.values(exported).find((each) => isProjection(each) && each.name === name)
  if (found !== undefined) return found as Projection<unknown>
  throw new UsageError(
    `--module ${module} exports no projection named ${JSON.stringify(name)}`,
    'export const … = defineProjection({ name, version, initial, on })',
  )
}

function isProjection(value: unknown): value is Projection<unknown> {
  return (
    typeof value === 'object' &&
    value !== null &&
    'name' in value &&
    'initial' in value &&
    typeof value.initial === 'function'
  )
}

/** A projection of the caller's own that throws is no defect of ours. */
function refuseModule(error: unknown): never {
  if (!(error instanceof FoldError)) throw error
  const { message, cause } = error
  throw new UsageError(`${message}: ${cause instanceof Error ? cause.message : 'unknown'}`)
}

/** A state as JSON has it: maps as objects, sets as lists, bytes in hex. */
function plain(state: unknown): unknown {
  if (state instanceof Uint8Array) return Buffer.from(state).toString('hex')
  if (isMap(state)) {
    return Object.fromEntries([...state].map(([key, value]) => [String(key), plain(value)]))
  }
  if (state instanceof Set) return [...state].map(plain)
  if (Array.isArray(state)) return state.map(plain)
  if (typeof state !== 'object' || state === null || state instanceof Date) return state
  return Object.fromEntries(Object.entries(state).map(([key, value]) => [key, plain(value)]))
}

/** A map or, as a projection's view is, what reads like one. */
function isMap(state: unknown): state is ReadonlyMap<unknown, unknown> {
  if (state instanceof Map) return true
  return typeof state === 'object' && state !== null && 'get' in state && 'entries' in state
}
