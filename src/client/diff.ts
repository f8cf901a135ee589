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

/** One line of a difference: an item of one of its lists, or its ends. */
type DiffLine = ProgressLine & { readonly secrets?: object } & {
  readonly [N in Noted]?: object
} & { readonly result?: Pick<VaultDiff, 'from' | 'to' | 'counts'> }

/** What changed from one moment to a later one. */
export function differences(server: Server): Pick<Scope, 'diff'> {
  return {
    diff: async (from, to, { onProgress, ...options }: DiffOptions = {}): Promise<VaultDiff> => {
      const { call, rest } = callAnd(options)
      const query = { ...rest, ...rangeQuery({ from, to }) }
      const lines = server.lines<DiffLine>({ path: '/diff', query, call })
      const secrets: SecretDiff[] = []
      const noted: Record<Noted, NotedChange[]> = {
        access: [],
        rotationPolicies: [],
        mounts: [],
        keys: [],
      }
      let ends: DiffLine['result']
      for await (const line of lines) {
        if (line.progress !== undefined) onProgress?.(line.progress)
        if (line.secrets !== undefined) secrets.push(secretDiffOf(line.secrets))
        for (const name of Object.keys(noted) as Noted[]) {
          const item = line[name]
          if (item !== undefined) noted[name].push(dated<NotedChange>(item, ['time']))
        }
        ends = line.result ?? ends
      }
      if (ends === undefined) throw cutOff()
      return { from: endOf(ends.from), to: endOf(ends.to), secrets, ...noted, counts: ends.counts }
    },
  }
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
