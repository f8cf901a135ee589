import { createHash } from 'node:crypto'
import { VaultError } from '../errors.ts'
import { type Check, dictionary, type Fault, integer, list, map, text } from '../events/check.ts'
import { nameBytesMax } from '../limits.ts'
import type { OpenedCheckpoint, Trust } from '../proofs/checkpoint.ts'
import { isOutputName } from './output-name.ts'
import type { ReportParams } from './report.ts'
import {
  hexHash,
  type Parsed,
  parseStatement,
  type Statement,
  type StatementKind,
  statementFields,
  statementText,
  verifyStatement,
} from './statement.ts'

/** What stands beside the outputs of a report: what was asked, of which log, and what came of it. */
export interface Manifest extends Statement {
  readonly report: string
  /** Of the report's definition. */
  readonly version: number
  readonly params: ReportParams
  readonly range: { readonly from: number; readonly to: number }
  readonly rowCount: number
  readonly findings: number
  /** The events that the report went through, from position to position, and how many of them were missing. */
  readonly population: {
    readonly first: number
    readonly last: number
    readonly events: number
    readonly gaps: number
  }
  readonly outputs: readonly ManifestOutput[]
}

export interface ManifestOutput {
  readonly name: string
  readonly bytes: number
  /** In hex. */
  readonly sha256: string
}

const natural = integer(0)
const outputsMax = 4096
const paramText = text(4096)

/** A range that no event falls into ends before it begins. */
const position = integer(-1)

const outputText = text(512, 1)
const outputName: Check = (value) =>
  outputText(value) ??
  (isOutputName(value)
    ? undefined
    : { code: 'INVALID', path: [], expected: 'the name of a file', found: 'another text' })
const outputList = list(
  map<ManifestOutput>({ name: outputName, bytes: natural, sha256: hexHash }),
  0,
  outputsMax,
)

/** Of two outputs under one name, one could be shown and the other compared. */
const outputs: Check = (value) => {
  const fault = outputList(value)
  if (fault !== undefined) return fault
  const names = (value as readonly ManifestOutput[]).map(({ name }) => name)
  if (new Set(names).size === names.length) return undefined
  return { code: 'INVALID', path: [], expected: 'distinct names', found: 'a name twice' }
}

const kind: StatementKind<Manifest> = {
  title: 'Muniment report manifest, version 1',
  fields: {
    ...statementFields,
    report: text(nameBytesMax, 1),
    version: integer(1),
    params: dictionary(text(64), param, 16),
    range: map<Manifest['range']>({ from: natural, to: position }),
    rowCount: natural,
    findings: natural,
    population: map<Manifest['population']>({
      first: natural,
      last: position,
      events: natural,
      gaps: natural,
    }),
    outputs,
  },
}

function param(value: unknown): Fault | undefined {
  return typeof value === 'string' ? paramText(value) : natural(value)
}

/** The text that a manifest's signature is of. */
export function manifestText(manifest: Manifest): string {
  return statementText(kind.title, manifest)
}

/** Reads a manifest; nothing is verified yet. Throws `INVALID`, saying what was expected, and `TOO_LARGE`. */
export function parseManifest(bytes: Uint8Array): Parsed<Manifest> {
  return parseStatement(bytes, kind)
}

/** What verifying a manifest has shown. */
export interface VerifiedReport {
  readonly manifest: Manifest
  /** False where no owner has signed it: then only the log that it speaks of is proved. */
  readonly isSigned: boolean
  readonly checkpoint: OpenedCheckpoint
}

/**
 * Verifies what can be verified of a report without its vault: that the log which the manifest speaks of is the one
 * whose key is trusted, that this key has signed the manifest (where it is signed at all: see `isSigned`), and that each
 * of these files is the output that it names. That the rows are right, only the vault or a backup of it can show.
 *
 * @throws VaultError `INVALID` or `TOO_LARGE` for what is no manifest; `INTEGRITY`, saying what does not hold
 * @example
 * const { manifest, isSigned } = verifyReport(await readFile('rotation.manifest'), {
 *   trust: { log: parseVkey(pinned) },
 *   files: new Map([['rotation.csv', await readFile('rotation.csv')]]),
 * })
 */
export function verifyReport(
  bytes: Uint8Array,
  { trust, ...given }: { readonly trust: Trust } & OutputFiles,
): VerifiedReport {
  const parsed = parseManifest(bytes)
  const checkpoint = verifyStatement(bytes, parsed, trust)
  expectWhole(parsed.statement)
  for (const [name, found] of hashesOf(given)) expectOutput(parsed.statement, name, found)
  return { manifest: parsed.statement, isSigned: parsed.isSigned, checkpoint }
}

/** Outputs as they are at hand, by name. */
export interface OutputFiles {
  readonly files?: ReadonlyMap<string, Uint8Array>
  /** Of files that are too large to hold: their SHA-256, in hex. */
  readonly hashes?: ReadonlyMap<string, string>
}

/** The SHA-256 of each, in hex, with its name. */
export function hashesOf({ files, hashes }: OutputFiles): readonly (readonly [string, string])[] {
  const made = [...(files ?? [])].map(
    ([name, content]) => [name, createHash('sha256').update(content).digest('hex')] as const,
  )
  return [...made, ...(hashes ?? [])]
}

/** What a manifest says of its range agrees with itself. Throws `INTEGRITY`. */
function expectWhole({ asOf, range, population }: Manifest): void {
  const { from, to } = range
  if (to !== asOf.position) {
    throw new VaultError('INTEGRITY', 'statement: its range does not end with its last event', {
      expected: asOf.position,
      found: to,
    })
  }
  const events = Math.max(0, to - from + 1)
  const { first, last, events: found, gaps } = population
  if (first === from && last === to && found === events && gaps === 0) return
  throw new VaultError('INTEGRITY', 'statement: it does not take every event of its range', {
    expected: events,
    found,
  })
}

/** Throws `INTEGRITY` where a file is not the output of that name. */
function expectOutput({ outputs }: Manifest, name: string, found: string): void {
  const output = outputs.find((each) => each.name === name)
  if (output === undefined) {
    throw new VaultError('INTEGRITY', `the manifest names no output ${name}`)
  }
  if (found === output.sha256) return
  throw new VaultError('INTEGRITY', `${name} is not what the manifest was made of`, {
    expected: output.sha256,
    found,
  })
}
