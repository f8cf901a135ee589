import type {
  DiffEnd,
  DiffOptions,
  FieldDiff,
  NotedChange,
  Scope,
  SecretDiff,
  SecretStep,
  VaultDiff,
} from '../index.ts'
import { callAnd } from './call.ts'
import { dated } from './dated.ts'
import { cutOff, type ProgressLine } from './files.ts'
import { rangeQuery } from './moments.ts'
import type { Server } from './server.ts'

type Noted = 'access' | 'rotationPolicies' | 'mounts' | 'keys'

type Ends = Pick<VaultDiff, 'from' | 'to' | 'counts'>

/** One line of a difference: an item of one of its lists, or its ends. */
interface DiffLine extends ProgressLine, Partial<Record<Noted, NotedChange>> {
  readonly secrets?: SecretDiff
  readonly result?: Ends
}

const notedNames: readonly Noted[] = ['access', 'rotationPolicies', 'mounts', 'keys']

/** What changed from one moment to a later one. */
export function differences(server: Server): Pick<Scope, 'diff'> {
  return {
    diff: async (from, to, { onProgress, ...options }: DiffOptions = {}): Promise<VaultDiff> => {
      const { call, rest } = callAnd(options)
      const query = { ...rest, ...rangeQuery({ from, to }) }
      const lines = server.lines({ path: '/diff', query, call }, lineOf)
      const secrets: SecretDiff[] = []
      const noted: Record<Noted, NotedChange[]> = {
        access: [],
        rotationPolicies: [],
        mounts: [],
        keys: [],
      }
      let ends: Ends | undefined
      for await (const line of lines) {
        if (line.progress !== undefined) onProgress?.(line.progress)
        if (line.secrets !== undefined) secrets.push(line.secrets)
        for (const name of notedNames) {
          const item = line[name]
          if (item !== undefined) noted[name].push(item)
        }
        ends = line.result ?? ends
      }
      if (ends === undefined) throw cutOff()
      return { ...ends, secrets, ...noted }
    },
  }
}

function lineOf(said: DiffLine): DiffLine {
  const { secrets, result } = said
  const line: { -readonly [K in keyof DiffLine]: DiffLine[K] } = { ...said }
  if (secrets !== undefined) line.secrets = secretDiffOf(secrets)
  for (const name of notedNames) {
    const item = said[name]
    if (item !== undefined) line[name] = dated<NotedChange>(item, ['time'])
  }
  if (result !== undefined) line.result = endsOf(result)
  return line
}

function endsOf({ from, to, counts }: Ends): Ends {
  return { from: endOf(from), to: endOf(to), counts }
}

function endOf(said: object): DiffEnd {
  return dated<DiffEnd>(said, ['time'])
}

function secretDiffOf(said: object): SecretDiff {
  const { events, fields, ...diff } = said as SecretDiff
  return {
    ...diff,
    events: events.map((step) => dated<SecretStep>(step, ['time'])),
    fields: fields.map(fieldOf),
  }
}

/** Of what is known of a secret, these are dates. */
const dates: readonly string[] = ['expiresAt', 'notBefore'] satisfies FieldDiff['field'][]

function fieldOf(said: FieldDiff): FieldDiff {
  return dates.includes(said.field) ? dated<FieldDiff>(said, ['before', 'after']) : said
}
