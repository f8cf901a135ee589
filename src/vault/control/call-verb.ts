import type { OutputFile, OutputSink } from '../../reports/write.ts'
import type { VaultAsOf } from '../as-of.ts'
import type { BackupOptions } from '../backup.ts'
import type { CallOptions } from '../call.ts'
import type { AsOfOptions, Moment, ReplayOptions } from '../replay.ts'
import type { EvidenceOptions } from '../reporting/evidence.ts'
import type { ReportOptions } from '../reporting/report-run.ts'
import type { WriteReportOptions } from '../reporting/reports.ts'
import type { NewValue, RotateOptions } from '../write.ts'
import type { Called } from './called.ts'
import { loggedEvents } from './logged-events.ts'
import { type SentValue, valueSent } from './sent-value.ts'
import type { VerbName } from './verbs.ts'

type Run = (called: Called) => unknown

/** What a verb does where that is not, with the same arguments, the verb of the vault that bears its name. */
const runs: Partial<Record<VerbName, Run>> = {
  asOf: async ({ vault, args, moment }) => {
    const known = await vault.asOf(...(args as [Moment, AsOfOptions?]))
    moment.known = known
    const { position, time } = known
    return { position, time }
  },
  'asOf.exists': then('exists'),
  'asOf.list': then('list'),
  'asOf.describe': then('describe'),
  'asOf.history': then('history'),
  'asOf.read': then('read'),

  rotate: ({ vault, args }) => {
    const [path, sent, options] = args as [string, SentValue, RotateOptions?]
    return vault.rotate(path, valueSent(sent) as NewValue, options)
  },
  export: async function* ({ vault, args }) {
    const [prefix, options] = args as [string, CallOptions?]
    const { entries, ...head } = await vault.export(prefix, options)
    yield head
    yield* entries
  },
  backup: ({ vault, args }) => {
    const [options] = args as [BackupOptions?]
    return vault.backupBytes(options)
  },
  replay: ({ calls, args }) => {
    const [projection, options] = args as [string, ReplayOptions?]
    return loggedEvents(calls, projection, options)
  },

  'reports.run': async function* ({ vault, args }) {
    const [report, options, call] = args as [string, ReportOptions?, CallOptions?]
    const { rows, ...about } = await vault.reports.run(report, options, call)
    yield about
    return yield* rows()
  },
  'reports.write': ({ vault, args, file }) => {
    const [report, options, call] = args as [string, WriteReportOptions, CallOptions?]
    return vault.reports.write(report, { ...options, to: sinkTo(file) }, call)
  },
  'reports.evidence': async ({ vault, args, file }) => {
    const [options, call] = args as [EvidenceOptions, CallOptions?]
    const to = await sinkTo(file).open('evidence.zip')
    return vault.reports.evidence({ ...options, to }, call)
  },
  'keyslots.list': async ({ vault, slot }) => {
    const slots = await vault.keyslots.list()
    return slots.map((each) => ({ ...each, current: each.id === slot }))
  },
}

/** Calls a verb of the table: what it answers, or what gives its items. */
export function callVerb(name: VerbName, called: Called): unknown {
  const run = runs[name]
  if (run !== undefined) return run(called)
  // The names are the table's own: none of them comes from outside.
  const parts = name.split('.')
  let [owner, found]: [unknown, unknown] = [undefined, called.vault]
  for (const part of parts) [owner, found] = [found, Reflect.get(Object(found), part)]
  return Reflect.apply(found as () => unknown, owner, called.args)
}

/** A verb of the vault as it was: the position stands before its own arguments. */
function then(verb: Exclude<keyof VaultAsOf, 'position' | 'time'>): Run {
  return async ({ vault, args: [at, ...args], moment, signal }) => {
    const position = at as number
    if (moment.known?.position !== position) {
      moment.known = await vault.asOf({ position }, { signal })
    }
    return Reflect.apply(moment.known[verb], moment.known, args)
  }
}

/** Files that are made at the other end. */
function sinkTo(file: Called['file']): OutputSink {
  let files = 0
  return {
    open: async (name): Promise<OutputFile> => {
      const number = files++
      await file(['open', number, name])
      return {
        write: (piece) => file(['write', number, piece]),
        end: () => file(['end', number]),
        abort: () => file(['abort', number]),
      }
    },
  }
}
